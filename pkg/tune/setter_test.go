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
		{"under our name, and not by us", object(t, "ks", ours), nil, nil},
		{"ours stands", object(t, "ks", timeout("2m"), ours), &r, []flux.Manager{git}},
		{"ours is restored", object(t, "ks", timeout("5m"), ours), &r, []flux.Manager{git}},
		{"somebody has set it since", object(t, "ks", timeout("7m"), ownedBy(flux.Timeout, updates("kubectl-edit"))), &r, nil},
	} {
		assert.ElementsMatch(t, tc.want, setters(tc.object, tc.record, flux.Timeout), tc.name)
	}
}

// A value under a name of ours that is none of the record's is a choice of somebody who calls themselves so.
func TestStrangers(t *testing.T) {
	t.Parallel()
	edit, ours, bob := updates("kubectl-edit"), updates("fluxtune"), updates("bob")
	owned := func(value string, by ...flux.Manager) flux.Object {
		return object(t, "ks", timeout(value), ownedBy(flux.Timeout, append(by, applies("kustomize-controller"))...))
	}
	moved := func(f flux.Field) *Record {
		bobs := step("s1", map[flux.Field]Move{f: {From: ptr("5m"), To: ptr("2m")}})
		bobs.Manager = "bob"
		return &Record{Steps: []Step{bobs}}
	}
	for _, tc := range []struct {
		name   string
		object flux.Object
		record *Record
		want   []flux.Manager
	}{
		{"a hand's, and nobody's record", owned("2m", edit, ours), nil, []flux.Manager{edit, ours}},
		{"of a session that set another field", owned("2m", bob), moved(flux.Interval), []flux.Manager{bob}},
		{"as the session set it", owned("2m", bob), moved(flux.Timeout), nil},
		{"other than the session set it", object(t, "ks", timeout("7m"), ownedBy(flux.Timeout, bob)), moved(flux.Timeout), []flux.Manager{bob}},
	} {
		assert.ElementsMatch(t, tc.want, strangers(tc.object, tc.record, flux.Timeout), tc.name)
	}
}
