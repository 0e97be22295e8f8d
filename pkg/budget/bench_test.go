package budget

import (
	"fmt"
	"testing"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// BenchmarkNew works out the budget of 10,000 objects, as plan does for its summary.
func BenchmarkNew(b *testing.B) {
	var items []tune.Item
	for i := range 5000 {
		name := fmt.Sprintf("project-%04d", i)
		items = append(items, source(name, "https://github.com/acme/"+name, "5m", "1m"), kustomization(name, name, "5m", "1m", func(o *flux.Object) { o.Status.Managed = 10 }))
	}
	in := Input{Items: items, Limits: NewLimits(nil, nil)}
	b.ReportAllocs()
	for b.Loop() {
		New(in)
	}
}

// A dense net of dependencies is walked once, not along every path.
func TestDenseDependencies(t *testing.T) {
	t.Parallel()
	items := []tune.Item{source("s", "https://github.com/acme/app", "1m", "")}
	var before []string
	for layer := range 30 {
		var names []string
		for i := range 10 {
			name := fmt.Sprintf("k-%d-%d", layer, i)
			items = append(items, kustomization(name, "s", "1m", "", after(before...)))
			names = append(names, name)
		}
		before = names
	}
	b := New(Input{Items: items})
	if depth := b.Items[len(b.Items)-1].Delivery.Depth; depth != 29 {
		t.Errorf("depth %d, want 29", depth)
	}
}
