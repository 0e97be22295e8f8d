package tune

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Records that cannot be read are one warning, however many they are.
func TestRecordsThatCannotBeReadAreOneWarning(t *testing.T) {
	t.Parallel()
	var objects []flux.Object
	for _, name := range []string{"d", "c", "b", "a"} {
		objects = append(objects, flux.Object{Ref: flux.Ref{Kind: "Bucket", Namespace: "apps", Name: name}, Annotations: map[string]string{RecordAnnotation: "{"}})
	}
	objects = append(objects, flux.Object{Ref: flux.Ref{Kind: "Bucket", Namespace: "apps", Name: "well"}})
	const head = "could not be read (annotation fluxtune.github.io/original): "
	const tail = ": restore them by hand, then run forget on them"
	assert.Empty(t, RecordsWarning(BadRecords(objects[4:])))
	assert.Equal(t, "the record of Bucket apps/a could not be read: reading annotation fluxtune.github.io/original: jsontext: unexpected EOF after offset 1: restore the object by hand, then run forget on it", RecordsWarning(BadRecords(objects[3:])))
	assert.Equal(t, "the records of 3 objects "+head+"Bucket apps/a, Bucket apps/b, Bucket apps/c"+tail, RecordsWarning(BadRecords(objects[1:])))
	assert.Equal(t, "the records of 4 objects "+head+"Bucket apps/a, Bucket apps/b, Bucket apps/c and 1 more"+tail, RecordsWarning(BadRecords(objects)))
}
