package manifest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/fluxtune/kubectl-fluxtune/pkg/crd"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// newFleet makes the Snapshot of what the deployments apply: of fleets that are only compared, without what the API server and
// Flux make of objects.
func newFleet(root Root, deployments map[flux.Ref]*deployment, configMaps map[flux.Ref]map[string]string, compared bool) Fleet {
	f := Fleet{Root: root, deployments: deployments, owners: map[flux.Ref]flux.Ref{}, compared: compared}
	f.Snapshot.Namespaces = map[string]map[string]string{}
	refs := inOrder(deployments)
	f.idle, f.shared = idling(deployments), map[flux.Ref][]flux.Ref{}
	tuned := 0
	for _, d := range deployments {
		for _, o := range d.objects {
			if _, known := flux.ParseManifestKind(o.ref.Group, o.ref.Kind); known {
				tuned++
			}
		}
	}
	f.Snapshot.Objects = slices.Grow(f.Snapshot.Objects, tuned)
	for _, ref := range refs {
		d := deployments[ref]
		for _, o := range d.objects {
			f.add(d, o)
		}
		f.misheaded(d)
		f.Snapshot.Gaps = append(f.Snapshot.Gaps, d.gaps(configMaps)...)
	}
	flux.Sort(f.Snapshot.Objects)
	if compared {
		return f
	}
	flux.Sort(f.Snapshot.Related)
	f.noteServed()
	f.noteHeld()
	return f
}

// add adds one object to the Snapshot. An object of two Kustomizations counts once.
func (f *Fleet) add(d *deployment, o appliedObject) {
	if o.isResourceSet() {
		f.gap(whatIsMade(o.ref), notRendered, true)
		return
	}
	if o.ref.Group == flux.OperatorGroup && o.ref.Kind == "FluxInstance" {
		if o.unsynced != nil {
			f.gap(o.ref.String(), o.unsynced.Error(), false)
			if errors.As(o.unsynced, new(*json.UnmarshalTypeError)) {
				f.refuse(d.ref(), o.ref.String())
			}
		}
		return
	}
	_, known := flux.ParseManifestKind(o.ref.Group, o.ref.Kind)
	if o.mistyped != nil {
		f.mistype(d, o)
	}
	costs := flux.CostsOnly(o.ref.Group, o.ref.Kind)
	namespace := o.ref.Group == "" && o.ref.Kind == "Namespace"
	if !known && !costs && !namespace && !crd.Known(o.ref.Group, o.ref.Kind) {
		return
	}
	if other, twice := f.owners[o.ref]; twice && other != d.ref() {
		if d.Metadata.Name == "" || o.made {
			return
		}
		f.share(d, o, known)
		return
	}
	f.owners[o.ref] = d.ref()
	object, err := o.decode()
	object.Literal, object.Generated = o.literal, o.made
	if !f.compared {
		f.inspect(d, o, object)
	}
	if err != nil {
		why := d.unreadable(o, err)
		f.gap(o.ref.String(), why, false)
		f.refuse(d.ref(), o.ref.String())
		f.unread = append(f.unread, unread{o, why})
		return
	}
	object = d.marked(object)
	switch {
	case namespace:
		f.Snapshot.Namespaces[object.Name] = object.Labels
		return
	case costs:
		f.Snapshot.Related = append(f.Snapshot.Related, object)
		return
	case !known:
		return
	}
	f.Snapshot.Objects = append(f.Snapshot.Objects, object)
}

// marked is an object with the common metadata that its Kustomization gives to all.
func (d *deployment) marked(object flux.Object) flux.Object {
	if meta := d.Spec.CommonMetadata; meta != nil {
		object.Labels, object.Annotations = merge(object.Labels, meta.Labels), merge(object.Annotations, meta.Annotations)
	}
	return object
}

// untouched tells whether a mark of an object keeps what Git says of it from the cluster.
func (d *deployment) untouched(o appliedObject) bool {
	object, err := o.decode()
	return err == nil && tune.Untouched(d.marked(object)) != ""
}

// noteServed tells Receivers which of the versions that they name Flux serves, by the CRDs of Flux 2.10: an older one may serve
// others.
func (f *Fleet) noteServed() {
	if older(installedIn(f.Root, f.deployments)) {
		return
	}
	for i := range f.Snapshot.Objects {
		f.Snapshot.Objects[i].NoteServed("Flux 2.10", func(k flux.Kind) []string { return crd.Versions(k.Group, k.Name) })
	}
}

func (f *Fleet) gap(what, why string, harmless bool) {
	f.Snapshot.Gaps = append(f.Snapshot.Gaps, flux.Gap{What: what, Why: why, Harmless: harmless})
}

// merge adds entries to a map that others may hold.
func merge(m, with map[string]string) map[string]string {
	all := make(map[string]string, len(m)+len(with))
	maps.Copy(all, m)
	maps.Copy(all, with)
	return all
}

// gaps tells what is unknown of a deployment. What is in other repositories or in Secrets is harmless: no
// checkout holds it. What Flux could not build either is not.
func (d *deployment) gaps(configMaps map[flux.Ref]map[string]string) []flux.Gap {
	var gaps []flux.Gap
	switch {
	case d.built.err != nil:
		gaps = append(gaps, flux.Gap{What: d.what(), Why: oneLine(d.built.err), Harmless: unfetched(d.built.err)})
	case d.failed:
		gaps = append(gaps, flux.Gap{What: d.what(), Why: d.elsewhere})
	case !d.local:
		gaps = append(gaps, flux.Gap{What: d.what() + " is not looked at", Why: d.elsewhere, Harmless: true})
	}
	for _, g := range d.built.gaps {
		g.Harmless = true
		gaps = append(gaps, g)
	}
	if post := d.Spec.PostBuild; post != nil && d.local {
		for _, from := range post.SubstituteFrom {
			data, known := configMaps[flux.Ref{Kind: "ConfigMap", Namespace: d.Metadata.Namespace, Name: from.Name}]
			if from.Kind != "ConfigMap" || data == nil {
				why := fmt.Sprintf("%s is not in the checkout, or may not be read", flux.Ref{Kind: from.Kind, Namespace: d.Metadata.Namespace, Name: from.Name})
				if known {
					why = fmt.Sprintf("ConfigMap %s/%s has ssa: IfNotPresent, ssa: Ignore or reconcile: disabled, or several Kustomizations apply it with different values: what Git has need not be what is there", d.Metadata.Namespace, from.Name)
				}
				if from.Kind == "Secret" {
					why = fmt.Sprintf("Secret %s/%s is not read: no Secret is", d.Metadata.Namespace, from.Name)
				}
				gaps = append(gaps, flux.Gap{What: fmt.Sprintf("variables of %s", d.ref()), Harmless: true, Why: why})
			}
		}
	}
	return gaps
}

// what names what a deployment applies.
func (d *deployment) what() string {
	if d.Metadata.Name == "" {
		return fmt.Sprintf("what the folder %q holds", cmp.Or(d.folder, "."))
	}
	return "what " + d.ref().String() + " applies"
}

// oneLine makes one line of an error of kustomize's, which are long: they begin with what was built, and end with the reason.
func oneLine(err error) string {
	const start, end = 120, 280
	line := []rune(strings.Join(strings.Fields(err.Error()), " "))
	if len(line) > start+end {
		return string(line[:start]) + " ... " + string(line[len(line)-end:])
	}
	return string(line)
}

// Files are those that objects come from, from the top of the checkout: of objects that were generated, and where the Fleet was
// read by ReadValues, of none.
func (f Fleet) Files() map[flux.Ref]string {
	files := map[flux.Ref]string{}
	for _, by := range sortedRefs(f.deployments) {
		for _, o := range f.deployments[by].objects {
			if o.origin != "" && files[o.ref] == "" {
				files[o.ref] = o.origin
			}
		}
	}
	return files
}

// Renamespaced tells whether what applies an object gives a namespace to what it applies: by spec.targetNamespace, or a kustomization
// that it is built with.
func (f Fleet) Renamespaced(ref flux.Ref) bool {
	d := f.deployments[f.owners[ref]]
	if d == nil || d.tree == nil {
		return false
	}
	if to := d.Spec.TargetNamespace; to != nil && *to == ref.Namespace {
		return true
	}
	return slices.ContainsFunc(sortedKeys(d.built.read), func(file string) bool {
		content, err := d.tree.ReadFile(file)
		return err == nil && isKustomization(file) && slices.ContainsFunc(parseDocuments(content), func(n *yaml.Node) bool {
			return text(n, "namespace") == ref.Namespace
		})
	})
}

// Manifest returns the JSON of an object as it is deployed; nil where the Fleet does not have it.
func (f Fleet) Manifest(ref flux.Ref) json.RawMessage {
	return f.deployments[f.owners[ref]].manifest(ref)
}
