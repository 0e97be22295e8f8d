package main

import (
	"encoding/json"
	"maps"
	"slices"
)

// addNewer adds to the schemas, by apiVersion and kind, what Flux 2.10 takes besides. Its api modules want a newer Go than this one has,
// so that it is written down here (helm-controller/api v1.7.1 v2/helmrelease_types.go, notification-controller/api v1.10.0
// v1 and v1beta3, alert_types.go and provider_types.go; what it takes of the other kinds is what Flux 2.9 takes).
func addNewer(all map[string]map[string]any) error {
	if err := addOCICharts(all); err != nil {
		return err
	}
	const older, newer = "notification.toolkit.fluxcd.io/v1beta3/", "notification.toolkit.fluxcd.io/v1/"
	addWords(property(all[older+"Provider"], "spec", "type"), "zoom", "incident.io")
	for kind, gone := range map[string][]string{"Alert": {"summary"}, "Provider": {"interval", "proxy"}} {
		schema, err := clone(all[older+kind])
		if err != nil {
			return err
		}
		spec := property(schema, "spec")
		for _, field := range gone {
			delete(spec["properties"].(map[string]any), field)
		}
		if kind == "Provider" {
			addWords(property(spec, "type"), "mastodon")
		}
		all[newer+kind] = schema
	}
	return nil
}

// addOCICharts lets the chart template of a HelmRelease be one of an OCIRepository. That each field is for one of the two kinds is
// left out, but for what each has to have.
func addOCICharts(all map[string]map[string]any) error {
	chart := property(all["helm.toolkit.fluxcd.io/v2/HelmRelease"], "spec", "chart")
	template, err := clone(property(all["source.toolkit.fluxcd.io/v1/OCIRepository"], "spec"))
	if err != nil {
		return err
	}
	spec := property(chart, "spec")
	delete(spec, "required")
	fields := template["properties"].(map[string]any)
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		if spec["properties"].(map[string]any)[field] == nil {
			delete(fields[field].(map[string]any), "default")
			spec["properties"].(map[string]any)[field] = fields[field]
		}
	}
	chart["properties"].(map[string]any)["kind"] = map[string]any{"type": "string", "enum": []any{"HelmChart", "OCIRepository"}}
	chart["x-kubernetes-validations"] = []any{
		map[string]any{"message": "chart.spec.chart and chart.spec.sourceRef must be set when chart.kind is not 'OCIRepository'",
			"rule": "(has(self.kind) && self.kind == 'OCIRepository') || (has(self.spec.chart) && has(self.spec.sourceRef))"},
		map[string]any{"message": "chart.spec.url must be set when chart.kind is 'OCIRepository'",
			"rule": "!has(self.kind) || self.kind != 'OCIRepository' || (has(self.spec.url) && size(self.spec.url) > 0)"},
	}
	return nil
}

func addWords(schema map[string]any, words ...any) {
	schema["enum"] = append(schema["enum"].([]any), words...)
}

// property follows properties of schemas that are there.
func property(schema map[string]any, names ...string) map[string]any {
	for _, name := range names {
		schema = schema["properties"].(map[string]any)[name].(map[string]any)
	}
	return schema
}

func clone(schema map[string]any) (copied map[string]any, err error) {
	data, err := json.Marshal(schema)
	if err != nil {
		return nil, err
	}
	return copied, json.Unmarshal(data, &copied)
}
