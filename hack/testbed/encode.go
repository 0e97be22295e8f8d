package testbed

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
)

// protobufRecord encodes a built-in kind as kube-apiserver stores it. The object
// must bear its apiVersion and kind.
func protobufRecord(key string, obj runtime.Object) (Record, error) {
	var buf bytes.Buffer
	if err := protobuf.NewSerializer(scheme.Scheme, scheme.Scheme).Encode(obj, &buf); err != nil {
		return Record{}, fmt.Errorf("encoding %q: %w", key, err)
	}
	return Record{Key: key, Value: buf.Bytes()}, nil
}

// jsonRecord encodes a custom resource as kube-apiserver stores it.
func jsonRecord(key string, obj map[string]any) (Record, error) {
	data, err := json.Marshal(obj)
	if err != nil {
		return Record{}, fmt.Errorf("encoding %q: %w", key, err)
	}
	return Record{Key: key, Value: data}, nil
}

// uidOf derives an object's UID from its key, so that seeding is repeatable.
func uidOf(key string) types.UID {
	h := sha256.Sum256([]byte(key))
	h[6], h[8] = h[6]&0x0f|0x40, h[8]&0x3f|0x80 // a version 4 UUID by its looks
	return types.UID(fmt.Sprintf("%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:16]))
}

// managedFields is an entry of metadata.managedFields in which manager owns
// every field of owned, as the API server would have written it for lists that
// are atomic, which all of Flux's are.
func managedFields(manager, operation, subresource, apiVersion string, at time.Time, owned map[string]any) map[string]any {
	entry := map[string]any{
		"apiVersion": apiVersion,
		"fieldsType": "FieldsV1",
		"fieldsV1":   fieldSet(owned),
		"manager":    manager,
		"operation":  operation,
		"time":       at.UTC().Format(time.RFC3339),
	}
	if subresource != "" {
		entry["subresource"] = subresource
	}
	return entry
}

func fieldSet(value any) map[string]any {
	set := map[string]any{}
	object, _ := value.(map[string]any)
	for name, field := range object {
		set["f:"+name] = fieldSet(field)
	}
	return set
}

func typeMeta(apiVersion, kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: apiVersion, Kind: kind}
}
