package fit

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
)

// Who reads that a share cannot be kept learns who asks what of it, and what helps: no policy does where what is not fitted
// asks more than the share by itself.
func TestWhyAShareCannotBeKept(t *testing.T) {
	t.Parallel()
	of := func(name string, cluster int, requests float64) fixture {
		return fixture{cluster: cluster, ref: flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: "apps", Name: name}, requests: requests}
	}
	for name, tc := range map[string]struct {
		allowed, fixed, least float64
		fixtures              []fixture
		clusters              []Cluster
		want                  string
	}{
		"all is fitted": {60, 0, 100, nil, nil,
			"30% of the limit of github.com are 60 requests/h, and even with the longest intervals that the policy allows 100 are asked, 40 more: it takes 50% (plan --fit github.com=50%), or longer intervals in the policy"},
		"some is not": {60, 20, 100, []fixture{of("a", 0, 5), of("b", 0, 15)}, nil,
			"30% of the limit of github.com are 60 requests/h, and even with the longest intervals that the policy allows 100 are asked: 80 by what is fitted, and 20 by what is not (GitRepository apps/b 15, GitRepository apps/a 5): it takes 50% (plan --fit github.com=50%), or longer intervals in the policy"},
		"what is not fitted is too much": {60, 120, 120, []fixture{of("a", 0, 60), of("a", 1, 30), of("b", 1, 20), of("c", 1, 10)}, []Cluster{{Names: []string{"east"}}, {Names: []string{"west"}}},
			"30% of the limit of github.com are 60 requests/h, and what is not fitted asks 120 alone (east: GitRepository apps/a 60, west: GitRepository apps/a 30, west: GitRepository apps/b 20, and 1 more), so that no interval of the policy is long enough: it takes 60% (plan --fit github.com=60%), or longer intervals of these where they are set"},
		"not even all of the limit": {60, 300, 300, []fixture{of("a", 0, 300)}, nil,
			"30% of the limit of github.com are 60 requests/h, and what is not fitted asks 300 alone (GitRepository apps/a 300), so that no interval of the policy is long enough: it takes longer intervals of these where they are set"},
	} {
		if tc.clusters == nil {
			tc.clusters = make([]Cluster, 1)
		}
		f := fitter{in: Input{Clusters: tc.clusters}, fixtures: tc.fixtures,
			uses: []ShareUse{{Share: policy.Share{Host: "github.com", Percent: 30}, Limit: 200, Allowed: tc.allowed, Fixed: tc.fixed}}}
		err := f.explain([]Excess{{Least: tc.least, Allowed: tc.allowed}}, nil)
		require.Error(t, err)
		assert.Equal(t, tc.want, err.Error(), name)
	}
}

// What could not be read asks more yet: no number is told as if it were all.
func TestWhyAShareCannotBeKeptOfWhatWasNotRead(t *testing.T) {
	t.Parallel()
	f := fitter{in: Input{Unread: "dead, west: buckets"}, uses: []ShareUse{{Share: policy.Share{Host: "github.com", Percent: 30}, Limit: 200, Allowed: 60}}}
	require.EqualError(t, f.explain([]Excess{{Least: 100, Allowed: 60}}, nil),
		"30% of the limit of github.com are 60 requests/h, and even with the longest intervals that the policy allows 100 are asked, 40 more: it takes at least 50%, or longer intervals in the policy; dead, west: buckets could not be read, and what these poll comes on top")
}
