package manifest

import (
	"encoding/json"
	"fmt"
	"hash/maphash"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// deployment is what one Kustomization deploys.
type deployment struct {
	kustomization
	artifact           // whose files it is made of
	folder      string // in the artifact's Tree, where it is local
	local       bool
	flat        bool   // without the folders below it
	pathMissing bool   // its path is not in the checkout
	failed      bool   // Flux finds no files for it either
	spec        string // the spec's JSON, which the build depends on
	built       built
	vars        variables // what its objects were substituted with
	// unset are variables of it without a value and a default, whether or not Flux fails on them.
	unset   unsetError
	objects []appliedObject
}

// appliedObject is an object of a root, after substitution.
type appliedObject struct {
	builtResource
	by flux.Ref // the Kustomization that applies it; the zero Ref for the root's own
	// literal says that its Kustomization substitutes nothing in it.
	literal bool
}

// locate finds the files of a Kustomization, or says why they are not in the checkout.
func (d *deployment) locate(taken artifact, checkout *Tree, at home, artifacts map[sourceRef]artifact) {
	root := at.root
	d.artifact, d.folder = taken, clean(root.Base+"/"+d.Spec.Path)
	made, generated := artifacts[d.source()]
	standing, why := at.standing(d.source())
	switch {
	case d.Spec.KubeConfig != nil:
		d.elsewhere = "it applies to another cluster (spec.kubeConfig)"
	case generated:
		d.artifact, d.folder = made, clean(d.Spec.Path)
	case standing != sameRevision:
		d.elsewhere, d.foreign = "its source is "+why, standing == otherRepository
	}
	// The files of what applies to another cluster come from here all the same.
	hub := d.Spec.KubeConfig != nil && root.source.Name != "" && standing == sameRevision
	if (d.elsewhere == "" || hub) && !d.tree.isFolder(d.folder) {
		// Where nothing says what the checkout is the source of, or a CI job makes the artifact of it, the path may be right.
		d.foreign = root.source.Name == ""
		d.failed = !d.foreign && root.source.Kind == gitRepositoryKind && root.Base == "" && !strings.Contains(d.Spec.Path, "${")
		d.elsewhere, d.pathMissing = fmt.Sprintf("its path %q is not in the checkout", d.Spec.Path), true
		if d.key != "" && !generated && checkout.isFolder(d.folder) {
			d.pathMissing = false
			d.elsewhere = fmt.Sprintf("%s leaves its path %q out of the artifact (spec.ignore, spec.sparseCheckout)", d.source(), d.Spec.Path)
		}
	}
	d.local = d.elsewhere == ""
}

// apply returns the objects as they reach the cluster: variables substituted, common metadata added. None does where
// one cannot be substituted.
func (d *deployment) apply(t *Tree, configMaps map[flux.Ref]map[string]string, lenient bool) []appliedObject {
	vars, substitutes := d.variables(configMaps)
	d.vars = vars
	objects := make([]appliedObject, 0, len(d.built.resources))
	var unset unsetError
	for _, b := range d.built.resources {
		o := appliedObject{builtResource: b, by: d.ref(), literal: d.Metadata.Name != "" && (!substitutes || b.raw)}
		if substitutes && !b.raw {
			missing, err := o.substitute(vars, t.seed, lenient)
			if err != nil {
				d.built.err = fmt.Errorf("%s: %w", b.ref, err)
				return nil
			}
			unset = append(unset, d.unsetVariables(t, b, missing)...)
		}
		objects = append(objects, o)
	}
	d.unset = unset.once()
	if len(unset) > 0 && !lenient {
		d.built.err = d.unset
		return nil
	}
	return objects
}

// substitute replaces the variables in an object, and returns those that have no value and no default.
func (o *appliedObject) substitute(vars variables, seed maphash.Seed, lenient bool) (unset []string, err error) {
	if err := vars.invalid(); err != nil {
		return nil, err
	}
	if o.json != nil {
		data, unset, err := substitute(o.json, vars)
		if err == nil && (len(unset) == 0 || lenient && len(data) > 0) {
			err = o.rename(data)
		}
		return unset, err
	}
	for _, name := range o.uses { // the object is not kept: what it would become shows in its fingerprint
		o.sum = o.sum*31 + maphash.String(seed, name+"="+vars.values[name])
	}
	if len(vars.values) == 0 && vars.open {
		return nil, nil // Flux may not substitute at all
	}
	for _, text := range o.texts {
		_, missing, err := vars.eval(text)
		if err != nil {
			return nil, err
		}
		unset = append(unset, missing...)
	}
	return unset, nil
}

// rename takes a substituted object's content, in which its name may be another.
func (o *appliedObject) rename(data json.RawMessage) error {
	var named struct {
		Metadata struct{ Name, Namespace string } `json:"metadata"`
	}
	if err := json.Unmarshal(data, &named); err != nil {
		return err
	}
	o.json, o.ref.Name, o.ref.Namespace = data, named.Metadata.Name, named.Metadata.Namespace
	return nil
}
