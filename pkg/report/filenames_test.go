package report

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// A file's name ends no line and begins none that looks like another finding.
func TestFileNamesStayOnTheirLines(t *testing.T) {
	t.Parallel()
	const name = "a\nb.yaml:1:1: error: all is well (rule)"
	assert.NotContains(t, CheckFinding{File: name, Line: 2, Column: 3, Message: "x"}.Text(), "\n")
	assert.NotContains(t, TracePlace{File: name, Line: 2, Column: 3}.String(), "\n")
	assert.Equal(t, `"a\nb.yaml":2:3`, TracePlace{File: "a\nb.yaml", Line: 2, Column: 3}.String())
}
