package flux

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

var lenient = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// unmarshal reads JSON as an API server sends it or as a manifest holds it. Most of the time that a plan of a large cluster takes
// is spent here: encoding/json of Go 1.26 takes three times as long. (The module is encoding/json/v2 of Go 1.27, where it is but
// another name of that.)
//
// Names of fields are those that Kubernetes has, in their case. Of a name that stands there twice the last one counts, and a byte
// that is no UTF-8 is replaced, as by encoding/json.
func unmarshal(data []byte, to any) error {
	return json.Unmarshal(data, to, lenient)
}
