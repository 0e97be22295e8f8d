package webhook

import (
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// isSource tells whether an object asks a host for something new: one of the kinds that do, or a HelmChart whose version is a
// range, and that lists the tags of a registry at each reconcile (source-controller internal/helm/repository/oci_chart_repository.go).
func (f *fleet) isSource(o *flux.Object) bool {
	return slices.Contains(kinds, o.Kind) || o.Kind == "HelmChart" && o.Remote.URL != ""
}

// located is an object with its own address: a HelmChart that lists tags has that of its HelmRepository, and the chart's name.
// No other has one.
func (f *fleet) located(o *flux.Object) *flux.Object {
	if o.Kind != "HelmChart" {
		return o
	}
	from := f.byRef[o.SourceRef]
	if from == nil || !from.OCI || from.Remote.URL == "" || flux.ExactVersion(o.Polling.Version) {
		return o
	}
	chart := *o
	chart.Remote = flux.Remote{URL: strings.TrimSuffix(from.Remote.URL, "/") + "/" + o.Polling.Chart, Provider: from.Remote.Provider}
	return &chart
}
