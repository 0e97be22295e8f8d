package main

import (
	"fmt"
	"regexp"

	"k8s.io/apimachinery/pkg/util/version"
)

// standing is what a tag is among all tags of the repository.
type standing struct {
	newest     bool // final, and no final version is greater: what plugins/ and "latest" name
	prerelease bool
	reason     string // one sentence for the log
}

// tagForm is vMAJOR.MINOR.PATCH or that with a pre-release, without build metadata: GitHub and Krew know no other.
var tagForm = regexp.MustCompile(`^v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?$`)

// judge decides what may be published of a tag, by Semantic Versioning: pre-releases and versions of an older line are
// released, but replace nothing for those who install the newest. A tag of another form is an error. Tags among the
// others that are no versions count for nothing.
func judge(tag string, others []string) (standing, error) {
	mine, ok := parseTag(tag)
	if !ok {
		return standing{}, fmt.Errorf("the tag %q is no version: name it vX.Y.Z or vX.Y.Z-rc.1", tag)
	}
	if mine.PreRelease() != "" {
		return standing{prerelease: true, reason: tag + " is a pre-release: plugins/ stays as it is"}, nil
	}
	newest := mine
	for _, other := range others {
		if v, ok := parseTag(other); ok && v.PreRelease() == "" && newest.LessThan(v) {
			newest = v
		}
	}
	if newest != mine {
		return standing{reason: fmt.Sprintf("%s is older than v%s: plugins/ stays as it is", tag, newest)}, nil
	}
	return standing{newest: true, reason: tag + " is the newest final release: plugins/ will name it"}, nil
}

func parseTag(tag string) (*version.Version, bool) {
	if !tagForm.MatchString(tag) {
		return nil, false
	}
	v, err := version.ParseSemantic(tag)
	return v, err == nil
}
