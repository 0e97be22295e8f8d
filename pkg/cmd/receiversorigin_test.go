package cmd

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// A Receiver that something applies from elsewhere has to be changed there: what kubectl applies over it does not last.
func TestReceiversFromGit(t *testing.T) {
	t.Parallel()
	f := newGitFleet(t)
	i := on(f.Cluster)
	from := fmt.Sprintf("Kustomization %s/root: path ./apps of GitRepository %[1]s/fleet", f.flux)
	args := []string{"receivers", "-n", f.apps, "-o"}

	missing := i.must(t, append(args, "yaml")...)
	assert.Contains(t, missing.stdout, "# 2. Apply this, or put it where its sources come from:\n#      "+from+"\n#    Then this prints the path of the URL:\n")
	assert.NotContains(t, missing.stderr, "Warning")
	assert.Contains(t, i.must(t, args[:3]...).stdout, "Where sources are applied from elsewhere, as from Git, their Receiver belongs there, too: -o yaml says where.\n")

	_, manifest, _ := strings.Cut(missing.stdout, "apiVersion:")
	f.push(t, "apiVersion:"+strings.Replace(manifest, "metadata:", "metadata:\n  labels: "+f.labels(), 1))
	f.push(t, f.named("web", "interval: 5m, timeout: 2m"))
	more := i.must(t, append(args, "yaml")...)
	assert.Contains(t, more.stdout, "# 2. Put this where the Receiver comes from, since what kubectl applies may be taken back:\n#      "+from+"\n#    Then this prints the path of the URL:\n")
	assert.Contains(t, more.stderr, fmt.Sprintf("Warning: what kubectl applies of %s/github-com may be taken back: put it where it comes from (%s)\n", f.apps, from))
	list := decode[report.ReceiverList](t, i.must(t, append(args, "json")...))
	require.Len(t, list.Proposals, 1)
	assert.Equal(t, []any{true, 1, from}, []any{list.Proposals[0].Existing, list.Proposals[0].Added, list.Proposals[0].Origin})
	require.Len(t, list.Receivers, 1)
	assert.Equal(t, from, list.Receivers[0].Origin)
	table := i.must(t, args[:3]...).stdout
	assert.Contains(t, table, "    it comes from "+from+": put it there, since what kubectl applies may be taken back\n")
	assert.Contains(t, table, "    where: "+from+"\n", "below what is wrong with it")
}
