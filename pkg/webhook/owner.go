package webhook

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Owner is somebody of whom a Receiver has sources: a host calls only for what is yours there.
type Owner struct {
	Name string
	// Sources is how many there are, and Repositories are what they follow, by their paths at the host.
	Sources      int
	Repositories []string
}

// owner is whose an address is, as far as it tells: the account, group, project or organization, in lower case; the host
// itself where all there is one's own. What runs there may stand below a path of its own.
func owner(at flux.Address, runs HostType) string {
	host := at.Name()
	if within(host, "azurecr.io") || within(host, "visualstudio.com") { // each has a host of its own
		name, _, _ := strings.Cut(host, ".")
		return name
	}
	path := strings.TrimPrefix(strings.TrimPrefix(at.Path, "scm/"), "chartrepo/")
	first, _, below := strings.Cut(path, "/")
	switch {
	case !below && path == at.Path:
		return host
	case below && slices.Contains([]HostType{GitHub, Gitea, BitbucketCloud, Bitbucket}, runs): // where nothing stands in anything
		first, _, _ = strings.Cut(last(path, 2), "/")
	}
	return strings.ToLower(first)
}

// Of tells whether a source is somebody's, named in lower case. Of a GitLab on a host of one's own it is not known whether a path
// begins with the first group or with a path that GitLab stands below, so that both are taken for it.
func (s Source) Of(name string) bool {
	parts := strings.Split(s.address.Path, "/")
	below := s.HostType == GitLab && s.address.Name() != "gitlab.com" && len(parts) > 2
	return s.Owner == name || below && strings.EqualFold(parts[1], name)
}

// At tells whether it is at a host, by its name or with its port.
func (s Source) At(host string) bool { return host == s.Host || host == s.address.Name() }

// owners are those of the sources of a Receiver, who has most of them first.
func owners(members []member) []Owner {
	of := map[string]*Owner{}
	for _, m := range members {
		if m.source == nil {
			continue
		}
		o := of[m.source.Owner]
		if o == nil {
			o = &Owner{Name: m.source.Owner}
			of[o.Name] = o
		}
		o.Sources++
		if !slices.Contains(o.Repositories, m.source.address.Path) {
			o.Repositories = append(o.Repositories, m.source.address.Path)
		}
	}
	var all []Owner
	for _, o := range of {
		slices.Sort(o.Repositories)
		all = append(all, *o)
	}
	sorting.By(all, func(a, b Owner) int { return cmp.Or(b.Sources-a.Sources, strings.Compare(a.Name, b.Name)) })
	return all
}
