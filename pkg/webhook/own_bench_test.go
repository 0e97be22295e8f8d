package webhook

import (
	"fmt"
	"slices"
	"testing"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// BenchmarkAgain works out the Receivers of 2,000 sources that are there already.
func BenchmarkAgain(b *testing.B) {
	var objects []flux.Object
	for i := range 2000 {
		objects = append(objects, app(fmt.Sprintf("one-%d", i), fmt.Sprintf("https://github.com/acme/r%d", i)))
	}
	objects = slices.Concat(objects, applied(New(Input{Objects: objects}).Proposals))
	for b.Loop() {
		New(Input{Objects: objects})
	}
}
