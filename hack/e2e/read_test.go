package e2e

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
)

// read evaluates a JSONPath as kubectl get -o jsonpath does; "" where the field or the object is absent.
func (w world) read(t *testing.T, kind, ns, name, path string) string {
	t.Helper()
	o, err := w.Objects(t, kind, ns).Get(context.WithoutCancel(t.Context()), name, metav1.GetOptions{})
	if err != nil {
		return ""
	}
	return testbed.FieldOf(t, o, path)
}

// patchAs merges a patch into an object as a field manager.
func (w world) patchAs(t *testing.T, manager, kind, ns, name, patch string) {
	t.Helper()
	_, err := w.Objects(t, kind, ns).Patch(t.Context(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: manager})
	require.NoError(t, err)
}
