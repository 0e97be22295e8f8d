package tune

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Whoever sets a field, or declares it, may set it again, but for the tools that people run by hand.
func TestComesBack(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"kustomize-controller":          true,
		"helm-controller":               true,
		"helm":                          true,
		"flux-operator":                 true,
		"argocd-controller":             true,
		"argocd-application-controller": true,
		"argocd":                        true,
		"Somebody-Controller":           true,
		"manager":                       true, // what kubebuilder calls a program
		"crossplane":                    true,
		"terraform":                     true,
		"pulumi":                        true,
		"kubectl":                       false,
		"kubectl-client-side-apply":     false,
		"kubectl-edit":                  false,
		"kubectl-patch":                 false,
		"kubectl-last-applied":          false,
		"kubectl-controller":            true, // only kubectl's own names are a hand's
		"kubectl-sync-cron":             true,
		"curl":                          true, // a script's, as often as not
		"before-first-apply":            false,
		"ancient-changes":               false,
		"flux":                          false,
		"k9s":                           false,
		"fluxtune":                      false,
		"Mozilla":                       false, // a browser: a dashboard behind a proxy
	} {
		assert.Equal(t, [2]bool{want, want}, [2]bool{comesBack(applies(name)), comesBack(updates(name))}, name)
	}
}

// While a change of ours stands, those who owned the field before may set it again.
func TestSettersBehindOurChange(t *testing.T) {
	t.Parallel()
	git, operator := applies("kustomize-controller"), applies("flux-operator")
	r := Record{Steps: []Step{step("s1", map[flux.Field]Move{flux.Timeout: {From: ptr("5m"), To: ptr("2m"), Owners: []flux.Manager{git, applies("flux")}}})}}
	ours := ownedBy(flux.Timeout, updates("fluxtune"))
	for _, tc := range []struct {
		name   string
		object flux.Object
		record *Record
		want   []flux.Manager
	}{
		{"nobody's", object(t, "ks"), nil, nil},
		{"every owner", object(t, "ks", ownedBy(flux.Timeout, applies("flux"), git, operator)), nil, []flux.Manager{git, operator}},
		{"ours alone", object(t, "ks", ours), nil, nil},
		{"ours stands", object(t, "ks", timeout("2m"), ours), &r, []flux.Manager{git}},
		{"ours is restored", object(t, "ks", timeout("5m"), ours), &r, []flux.Manager{git}},
		{"somebody has set it since", object(t, "ks", timeout("7m"), ownedBy(flux.Timeout, updates("kubectl-edit"))), &r, nil},
	} {
		assert.ElementsMatch(t, tc.want, setters(tc.object, tc.record, flux.Timeout), tc.name)
	}
}

func TestStrangers(t *testing.T) {
	t.Parallel()
	o := object(t, "ks", ownedBy(flux.Timeout, updates("kubectl-edit"), updates("fluxtune"), applies("kustomize-controller")))
	assert.Equal(t, []flux.Manager{updates("kubectl-edit")}, strangers(o, nil, flux.Timeout))
}
