package manifest

import (
	"cmp"
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
	more        bool   // there may be objects that are not in the checkout, beside those that are
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
	// literal says that its Kustomization substitutes nothing more in it, and renamed that it had another name before.
	literal, renamed bool
	// made says that the Flux Operator makes it for a FluxInstance.
	made bool
	// unsynced says why what a FluxInstance has made is not known.
	unsynced error
}

// locate finds the files of a Kustomization, or says why they are not in the checkout.
func (d *deployment) locate(taken artifact, checkout *Tree, at home, artifacts map[sourceRef]artifact) {
	root := at.root
	d.artifact, d.folder = taken, clean(root.Base+"/"+d.Spec.Path)
	made, generated := artifacts[d.source()]
	for _, namespace := range []string{d.source().Namespace, ""} {
		if !generated && d.source().Kind == artifactKind {
			made, generated = artifacts[anyArtifact(namespace)]
		}
	}
	standing, why := at.standing(d.source())
	switch {
	case d.Spec.KubeConfig != nil:
		d.elsewhere = "it applies to another cluster (spec.kubeConfig)"
	case generated:
		d.artifact, d.folder = made, clean(d.Spec.Path)
	case standing != sameRevision:
		for _, folder := range at.folders(d.source(), d.Spec.Path) {
			if !checkout.isFolder(d.folder) {
				d.folder = folder // it counts as the path from the top, where only that is there
			}
		}
		d.elsewhere, d.foreign = "its source is "+why, standing == otherRepository && (at.differs(d.source()) || clean(d.Spec.Path) == "" || !checkout.isFolder(d.folder))
	}
	// The files of what applies to another cluster come from here all the same.
	hub := d.Spec.KubeConfig != nil && root.source.Name != "" && standing == sameRevision
	if (d.elsewhere == "" || hub) && !d.tree.isFolder(d.folder) {
		// Where nothing says what the checkout is the source of, or a CI job makes the artifact of it, the path may be right.
		d.foreign = root.source.Name == ""
		d.failed = !d.foreign && root.source.Kind == gitRepositoryKind && root.Base == "" && !strings.Contains(d.Spec.Path, "${")
		d.elsewhere, d.pathMissing = fmt.Sprintf("its path %q is not in the checkout%s", d.Spec.Path, checkout.leftOut(d.folder)), !checkout.sparsely(d.folder)
		if by := checkout.omits(d.folder); by != "" && !generated {
			d.pathMissing = false
			d.elsewhere = fmt.Sprintf("%s leaves its path %q out of the artifact (%s)", d.source(), d.Spec.Path, by)
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
		o.renamed = o.ref != b.ref
		objects = append(objects, o)
	}
	if twice := doubled(objects); substitutes && twice != nil {
		d.built.err = twice
		return nil
	}
	d.unset = unset.once()
	if len(unset) > 0 && !lenient {
		d.built.err = d.unset
		return nil
	}
	if d.built.err = cmp.Or(d.built.err, d.refused()); d.built.err != nil {
		return nil
	}
	return d.withSynced(objects)
}

// refused says what kustomize-controller refuses of what was built, so that it applies nothing of the Kustomization
// (internal/controller/kustomization_controller.go, apply; fluxcd/pkg ssa, ApplyAllStaged). Who applies a folder by hand names a
// namespace, and decrypts.
func (d *deployment) refused() error {
	if d.Metadata.Name == "" {
		return nil
	}
	for _, b := range d.built.resources {
		switch {
		case b.unplaced:
			return fmt.Errorf("%s has no namespace, and %s has no targetNamespace", b.ref, d.ref())
		case b.sealed && d.Spec.Decryption == nil:
			return fmt.Errorf("%s is encrypted with SOPS, and %s has no spec.decryption", b.ref, d.ref())
		}
	}
	return nil
}

// doubled is an error where substitution has given two objects one name.
func doubled(objects []appliedObject) error {
	first := map[flux.Ref]int{}
	for i, o := range objects {
		j, twice := first[o.ref]
		if !twice {
			first[o.ref] = i
			continue
		}
		if named := objects[i].renamed || objects[j].renamed; named {
			return fmt.Errorf("two objects are %s once its variables are substituted", o.ref)
		}
	}
	return nil
}

// substitute replaces the variables in an object, and returns those that have no value and no default.
func (o *appliedObject) substitute(vars variables, seed maphash.Seed, lenient bool) (unset []string, err error) {
	if err := vars.invalid(); err != nil {
		return nil, err
	}
	if o.json != nil {
		data, unset, open, err := substitute(o.json, vars)
		o.literal = !open // what looks like a variable was escaped, or is a variable's value
		if err == nil && (len(unset) == 0 || lenient && len(data) > 0) {
			err = o.rename(data)
		}
		return unset, err
	}
	for _, name := range o.uses { // the object is not kept: what it would become shows in its fingerprint
		o.sum = o.sum*31 + maphash.String(seed, name+"="+vars.values[name]+vars.shadowed[name])
	}
	if len(vars.values) == 0 && vars.open {
		return nil, nil // Flux may not substitute at all
	}
	for _, text := range o.texts {
		_, missing, _, err := vars.eval(text)
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
