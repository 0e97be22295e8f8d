package cmd

// nodesLong is the help of nodes.
func nodesLong() string {
	return long(`
	Show every node as kubectl get nodes does, with the number of its pods, how many it takes
	(status.allocatable.pods), and how full it is. Pods that have ended (Succeeded, Failed) do not
	count; pods that are being deleted count until they are gone. Pods on nodes that no longer
	exist, and pods without a node, have rows of their own at the end, of each cluster where there
	are several; TOTAL has them among its pods, and not in its USE%, which is that of the nodes. A
	node that takes no pods and has some is over (999999 in -o json). With -o wide, --sort-by cpu
	or memory, CPU and memory in use come from metrics.k8s.io, where the cluster serves that. Other
	formats have them where they are known, and are complete without them.

	What cannot be read in time, or at all, is not guessed: a number that may be too low is
	written 26+, one that was so earlier and may be more or less by now ~26, one that is not known
	?. A line above the table says what is missing, and as of when the rest is known; -o json has
	partial and missing, and the exit code is 3. USE% is rounded: down where it has a plus, else never
	to 0 where there are pods, nor to 100 where it is less or more.

	TERMINATING counts the pods that kubectl get pods prints as Terminating; PENDING those that have not
	started, of which those without a node are (unscheduled).

	--group-by zone takes the label topology.kubernetes.io/zone, or else
	failure-domain.beta.kubernetes.io/zone; pool takes the first label with a value of those of
	Karpenter, EKS and eksctl, GKE, AKS, kops, DigitalOcean, Gardener, Scaleway, IBM Cloud, Linode and
	OVH. Any other word is the key of a label: nodes whose label has no value are (empty), those without
	it (none). A row of --group-by cluster has all pods of the cluster: those without a node
	(UNSCHEDULED) and on nodes that no longer exist (GONE) are among them. Nodes that are cordoned
	(SchedulingDisabled) count like others, though what is free on them is not; CORDONED has their
	number.

	With -n only the pods of that namespace are counted (several with commas); nodes are those of
	the whole cluster, so that USE% is what these pods alone take of them.

	Several contexts of one cluster count once, through the one that sees more. They are one only by
	proof: the UID of the namespace kube-system, or of a node or pod that both see, never by the
	address. Where nothing tells, both have their rows, a line says so, and a total counts only the
	larger number of the two, with a plus. The flags of the connection go with each context, but for
	those that name a cluster.

	With --watch, q ends and arrows, PgUp, PgDn, Home and End (or j, k, g, G) scroll where not all rows
	fit the terminal. It counts the pods of the namespaces that there are: those left behind in one that
	was removed by force count from their next change on, while a single count of up to 50,000 pods
	has them all. What a server has sent nothing of for 80 seconds, though it answers, is listed
	again: until then a dead watch looks like a quiet cluster, and an alarm may be that late. Where it
	does not redraw (a pipe, -o json), --fail-above ends a watch with 4 as soon as a node is fuller.

	Exit codes: 0 everything was counted, 3 something is missing (also a node that was named and is not
	there, and any node for --fail-above to look at), 4 a node is fuller than --fail-above, 1 nothing
	could be read. A watch that q ends has the code of what it showed last; one that Ctrl-C ends was
	interrupted: 130.`)
}

// nodesExamples are those of nodes.
func nodesExamples() string {
	return examples(`
	# Pods per node
	kubectl fluxtune nodes

	# The ten fullest nodes, with their zones, pools and Flux controllers
	kubectl fluxtune nodes --sort-by use --top 10 -o wide

	# Node pools side by side
	kubectl fluxtune nodes --group-by pool

	# Where a drain does not end
	kubectl fluxtune nodes --sort-by terminating --top 5 -o wide

	# Which of several clusters is fullest
	kubectl fluxtune nodes --all-contexts --group-by cluster --sort-by use

	# Follow the pods while they come and go
	kubectl fluxtune nodes --watch

	# Several clusters in one table
	kubectl fluxtune nodes --contexts staging,production

	# Tell when a node comes near its limit of pods
	kubectl fluxtune nodes --fail-above 90%

	# Wait in a script until a node is that full
	kubectl fluxtune nodes --watch --fail-above 90% > /dev/null

	# The names of full nodes: shares have a point
	kubectl fluxtune nodes -o jsonpath='{.items[?(@.use>90.0)].name}'

	# For a spreadsheet
	kubectl fluxtune nodes -o csv > nodes.csv`)
}
