package tune

import (
	"fmt"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// StrayEnds say of which objects the annotation for monitoring does not follow from the record, since somebody has edited one of
// them by hand: alarms go off by it, and nothing else reads it. Each has the command that puts it right; kubectl is how that is called
// for the cluster, with the flags that choose it.
func StrayEnds(objects []flux.Object, kubectl string) []string {
	var lines []string
	for _, o := range objects {
		says, there := o.Annotations[UntilAnnotation]
		record, err := ReadRecord(o)
		if !there || err != nil { // a record that cannot be read is told of as such, and forget takes both away
			continue
		}
		want, why, now := UntilAnnotation+"-", "no session is to end", record.until()
		if now != nil {
			text := now.UTC().Format(time.RFC3339)
			if says == text {
				continue
			}
			want, why = UntilAnnotation+"="+text+" --overwrite", "its session is to end at "+text
		}
		lines = append(lines, fmt.Sprintf("%s: the annotation %s says %q, and %s: somebody has edited it, and alarms read it. Put it right with: %s annotate %s.%s %s -n %s %s",
			flux.InCluster(o.Cluster, o.Ref.String()), UntilAnnotation, says, why, kubectl, o.KindRow().Resource, o.Group, o.Name, o.Namespace, want))
	}
	return lines
}
