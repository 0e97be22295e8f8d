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
	const head = "cannot be read (annotation fluxtune.github.io/original), and the objects are left alone: "
	const tail = ": restore them by hand, then run forget on them"
	assert.Empty(t, recordsWarning(objects[4:]))
	assert.Equal(t, "Bucket apps/a: reading annotation fluxtune.github.io/original: unexpected end of JSON input: restore the object by hand, then run forget on it", recordsWarning(objects[3:]))
	assert.Equal(t, "the records of 3 objects "+head+"Bucket apps/a, Bucket apps/b, Bucket apps/c"+tail, recordsWarning(objects[1:]))
	assert.Equal(t, "the records of 4 objects "+head+"Bucket apps/a, Bucket apps/b, Bucket apps/c and 1 more"+tail, recordsWarning(objects))
}
