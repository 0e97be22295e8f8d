package nodes

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
)

// The namespace that is left is counted, or not: one whose pods may not be listed is not said to be.
func TestTheOwnNamespaceIsCountedOrNot(t *testing.T) {
	t.Parallel()
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "namespaces"}, "", nil)
	for _, readable := range []bool{true, false} {
		c, err := New(&rest.Config{Host: "https://127.0.0.1:1"}, Options{Fallback: "home"})
		require.NoError(t, err)
		c.setParts(c.own(forbidden))
		if readable {
			c.update(func() { c.partLocked(WhatPods, "home").complete("1", false, time.Now()) })
		} else {
			c.fail(WhatPods, "home", podsError("home", forbidden))
		}
		says := c.Count().Err().Error()
		if readable {
			assert.Contains(t, says, `only the pods in namespace "home" are counted, name others with -n: `)
		} else {
			assert.NotContains(t, says, "are counted")
			assert.Contains(t, says, "which namespaces there are is not known, name some with -n: ")
		}
	}
}

// A watch counts as being deleted what a list does: what kubectl prints as Terminating.
func TestAWatchCallsTerminatingWhatAListDoes(t *testing.T) {
	t.Parallel()
	for reason, want := range map[string]int{"": 1, "Evicted": 1, "NodeLost": 0} {
		c, err := New(&rest.Config{Host: "https://127.0.0.1:1"}, Options{})
		require.NoError(t, err)
		now := metav1.Now()
		c.applyPod(watch.Event{Type: watch.Added, Object: &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: "p", Namespace: "a", DeletionTimestamp: &now, ResourceVersion: "5"},
			Spec:       corev1.PodSpec{NodeName: "n"}, Status: corev1.PodStatus{Reason: reason},
		}})
		assert.Equal(t, Pods{Total: 1, Terminating: want}, c.Count().Pods["n"], reason)
	}
}
