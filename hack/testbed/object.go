package testbed

import (
	"bytes"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/util/jsonpath"
)

// resources are the kinds that tests look at again and again, by the names that kubectl takes. They are read in this
// process: the kubectls that start would be most of what the machine does.
var resources = map[string]schema.GroupVersionResource{
	"configmap":      {Version: "v1", Resource: "configmaps"},
	"gitrepository":  {Group: "source.toolkit.fluxcd.io", Version: "v1", Resource: "gitrepositories"},
	"helmchart":      {Group: "source.toolkit.fluxcd.io", Version: "v1", Resource: "helmcharts"},
	"helmrelease":    {Group: "helm.toolkit.fluxcd.io", Version: "v2", Resource: "helmreleases"},
	"helmrepository": {Group: "source.toolkit.fluxcd.io", Version: "v1", Resource: "helmrepositories"},
	"kustomization":  {Group: "kustomize.toolkit.fluxcd.io", Version: "v1", Resource: "kustomizations"},
	"ocirepository":  {Group: "source.toolkit.fluxcd.io", Version: "v1", Resource: "ocirepositories"},
}

// Objects are those of a kind, by the name that kubectl takes, in a namespace.
func (c *Cluster) Objects(tb testing.TB, kind, namespace string) dynamic.ResourceInterface {
	tb.Helper()
	resource, known := resources[kind]
	if !known {
		tb.Fatalf("resources lacks %q", kind)
	}
	client, err := dynamic.NewForConfig(c.config)
	if err != nil {
		tb.Fatalf("making a client: %v", err)
	}
	return client.Resource(resource).Namespace(namespace)
}

// Object reads one object, with its managed fields.
func (c *Cluster) Object(tb testing.TB, kind, namespace, name string) *unstructured.Unstructured {
	tb.Helper()
	o, err := c.Objects(tb, kind, namespace).Get(tb.Context(), name, metav1.GetOptions{})
	if err != nil {
		tb.Fatalf("reading %s %s/%s: %v", kind, namespace, name, err)
	}
	return o
}

// Field evaluates a JSONPath on an object, as kubectl get -o jsonpath={path} does; "" where the field is absent.
func (c *Cluster) Field(tb testing.TB, kind, namespace, name, path string) string {
	tb.Helper()
	return FieldOf(tb, c.Object(tb, kind, namespace, name), path)
}

// FieldOf evaluates a JSONPath on an object that was read.
func FieldOf(tb testing.TB, o *unstructured.Unstructured, path string) string {
	tb.Helper()
	parsed := jsonpath.New("field").AllowMissingKeys(true)
	if err := parsed.Parse("{" + path + "}"); err != nil {
		tb.Fatalf("JSONPath %q: %v", path, err)
	}
	var b bytes.Buffer
	if err := parsed.Execute(&b, o.Object); err != nil {
		// A missing element of a list is an error, a missing key is not.
		return ""
	}
	return b.String()
}
