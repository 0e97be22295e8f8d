// Package crds pins the API types of the Flux controllers whose own modules are
// not built by the test bed, together with the controller-gen that turns those
// types into CustomResourceDefinitions. Nothing imports this package; it keeps
// the versions in this folder's go.mod.
package crds

import (
	_ "github.com/fluxcd/helm-controller/api/v2"
	_ "github.com/fluxcd/image-automation-controller/api/v1"
	_ "github.com/fluxcd/image-reflector-controller/api/v1"
	_ "github.com/fluxcd/notification-controller/api/v1"
)
