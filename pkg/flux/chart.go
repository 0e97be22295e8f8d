package flux

import "slices"

// ChartOf is the HelmChart that helm-controller makes of a HelmRelease (internal/reconcile/helmchart_template.go,
// buildHelmChartFromTemplate; api/v2, GetHelmChartName, GetNamespace and GetInterval): it polls, although no file holds it.
// It is false for an object of which none is made: one with spec.chartRef, or of another kind. A chart stays, and goes on
// polling, when its HelmRelease is suspended: helm-controller only leaves it as it is then.
func ChartOf(release Object) (Object, bool) {
	if release.Group != helmGroup || release.Kind != "HelmRelease" || !release.HasChart || release.SourceRef.Name == "" {
		return Object{}, false
	}
	interval := release.Interval
	if release.ChartInterval != nil {
		interval = release.ChartInterval
	}
	return Object{
		Ref:          Ref{Group: sourceGroup, Kind: "HelmChart", Namespace: release.SourceRef.Namespace, Name: release.Namespace + "-" + release.Name},
		Cluster:      release.Cluster,
		Version:      toolkit[0],
		Labels:       map[string]string{helmGroup + "/name": release.Name, helmGroup + "/namespace": release.Namespace},
		Interval:     interval,
		Generated:    true,
		MergesValues: release.MergesValues,
		SourceRef:    release.SourceRef,
		Polling:      Polling{Chart: release.Polling.Chart, Version: release.Polling.Version, Verifies: release.Polling.Verifies, ByRevision: release.Polling.ByRevision},
	}, true
}

// MadeChart tells whether an object is a HelmChart that helm-controller makes. No file holds one.
func (o Object) MadeChart() bool { return o.Generated && o.Kind == "HelmChart" }

// WithCharts adds the HelmCharts that helm-controller makes of the HelmReleases among objects, and that are not among them.
// The result is sorted; the objects are not changed.
func WithCharts(objects []Object) []Object {
	has := map[Ref]bool{}
	for i := range objects {
		has[objects[i].Ref] = true
	}
	all := slices.Clone(objects)
	for i := range objects {
		if chart, makes := ChartOf(objects[i]); makes && !has[chart.Ref] {
			has[chart.Ref] = true
			all = append(all, chart)
		}
	}
	if len(all) > len(objects) {
		Sort(all)
	}
	return all
}
