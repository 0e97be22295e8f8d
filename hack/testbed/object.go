package testbed

import (
	"bytes"
	"fmt"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/util/jsonpath"
)

// Objects are those of a kind, by its name in lower case, in a namespace. They are read in this process: the kubectls
// that start would be most of what the machine does.
func (c *Cluster) Objects(tb testing.TB, kind, namespace string) dynamic.ResourceInterface {
	tb.Helper()
	resource, err := c.mapper.ResourceFor(schema.GroupVersionResource{Resource: kind})
	if err != nil {
		tb.Fatalf("reading a %s: %v", kind, err)
	}
	return c.client.Resource(resource).Namespace(namespace)
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

// Copies stores an object that was read n times more, under the names given: as if each had been written through the
// API server, by those who wrote the first, in a tenth of the time.
func (c *Cluster) Copies(tb testing.TB, plural string, o *unstructured.Unstructured, n int, name func(i int) string) {
	tb.Helper()
	err := c.store.PutAll(tb.Context(), n, func(i int) (Record, error) {
		one := o.DeepCopy()
		key := fmt.Sprintf("/registry/%s/%s/%s/%s", o.GroupVersionKind().Group, plural, o.GetNamespace(), name(i))
		one.SetName(name(i))
		one.SetUID(uidOf(key))
		one.SetResourceVersion("")
		return jsonRecord(key, one.Object)
	})
	if err != nil {
		tb.Fatalf("copying %s %s: %v", o.GetKind(), o.GetName(), err)
	}
}
