package e2e

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/util/jsonpath"
)

// resources are the kinds that tests look at again and again, by the names that kubectl takes. They are read in this
// process: a kubectl that starts ten times a second for each test would be most of what the machine does.
var resources = map[string]schema.GroupVersionResource{
	"configmap":      {Version: "v1", Resource: "configmaps"},
	"gitrepository":  {Group: "source.toolkit.fluxcd.io", Version: "v1", Resource: "gitrepositories"},
	"helmchart":      {Group: "source.toolkit.fluxcd.io", Version: "v1", Resource: "helmcharts"},
	"helmrelease":    {Group: "helm.toolkit.fluxcd.io", Version: "v2", Resource: "helmreleases"},
	"helmrepository": {Group: "source.toolkit.fluxcd.io", Version: "v1", Resource: "helmrepositories"},
	"kustomization":  {Group: "kustomize.toolkit.fluxcd.io", Version: "v1", Resource: "kustomizations"},
	"ocirepository":  {Group: "source.toolkit.fluxcd.io", Version: "v1", Resource: "ocirepositories"},
}

// objects are those of a kind in a namespace.
func (w world) objects(t *testing.T, kind, ns string) dynamic.ResourceInterface {
	t.Helper()
	resource, known := resources[kind]
	require.True(t, known, "resources lacks %q", kind)
	client, err := dynamic.NewForConfig(w.Config())
	require.NoError(t, err)
	return client.Resource(resource).Namespace(ns)
}

// read evaluates a JSONPath as kubectl get -o jsonpath does; "" where the field or the object is absent.
func (w world) read(t *testing.T, kind, ns, name, path string) string {
	t.Helper()
	o, err := w.objects(t, kind, ns).Get(context.WithoutCancel(t.Context()), name, metav1.GetOptions{})
	if err != nil {
		return ""
	}
	return at(t, o, path)
}

// patchAs merges a patch into an object as a field manager.
func (w world) patchAs(t *testing.T, manager, kind, ns, name, patch string) {
	t.Helper()
	_, err := w.objects(t, kind, ns).Patch(t.Context(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: manager})
	require.NoError(t, err)
}

// at evaluates a JSONPath on an object.
func at(t *testing.T, o *unstructured.Unstructured, path string) string {
	t.Helper()
	parsed := jsonpath.New("field").AllowMissingKeys(true)
	require.NoError(t, parsed.Parse("{"+path+"}"))
	var b bytes.Buffer
	if err := parsed.Execute(&b, o.Object); err != nil {
		// A missing element of a list is an error, a missing key is not.
		return ""
	}
	return b.String()
}
