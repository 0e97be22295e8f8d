package flux

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

var lenient = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// Unmarshal reads JSON as an API server sends it or as a manifest holds it, with encoding/json/v2: the module is a mirror of that
// of Go 1.27, and another name of it there.
//
// Names of fields are those that Kubernetes has, in their case. Of a name that stands there twice the last one counts, and a byte
// that is no UTF-8 is replaced, as by encoding/json.
func Unmarshal(data []byte, to any) error {
	return json.Unmarshal(data, to, lenient)
}
