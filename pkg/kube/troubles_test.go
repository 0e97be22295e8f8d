package kube

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"github.com/stretchr/testify/assert"
)

// What the caller tells of anyway is not written; what was asked for with -v is.
func TestOnlyWhatWasAskedForIsWritten(t *testing.T) {
	t.Parallel()
	for verbosity, want := range map[int]string{0: "", 5: "", 6: "answer, trouble, of a watch, of a watch"} {
		var written []string
		log := logr.New(asked{&recorder{written: &written, verbosity: verbosity}})
		log.Info("always")
		log.V(4).Info("what it does")
		log.V(6).Info("answer")
		log.Error(errors.New("broken"), "trouble")
		log.WithName("watch").WithValues("a", "b").V(6).Info("of a watch")
		log.WithName("watch").Error(errors.New("broken"), "of a watch")
		assert.Equal(t, want, strings.Join(written, ", "), verbosity)
	}
}

// recorder keeps the messages of its verbosity.
type recorder struct {
	written   *[]string
	verbosity int
}

func (r *recorder) Init(logr.RuntimeInfo)                   {}
func (r *recorder) Enabled(level int) bool                  { return level <= r.verbosity }
func (r *recorder) Info(_ int, message string, _ ...any)    { *r.written = append(*r.written, message) }
func (r *recorder) Error(_ error, message string, _ ...any) { *r.written = append(*r.written, message) }
func (r *recorder) WithValues(...any) logr.LogSink          { return r }
func (r *recorder) WithName(string) logr.LogSink            { return r }
