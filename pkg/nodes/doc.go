// Package nodes counts the pods of every node, fast and truthfully.
//
// A count is made of parts: the nodes, and the pods of all namespaces or of each. A part is listed, and with
// Counter.Watch kept up to date by a watch. It knows how much of it has been read, as of when, and why not
// more; everything that a Count says of its own completeness follows from that.
//
//	list.go   which requests bring the pods     watch.go     what is kept up to date, by kube.Follower
//	table.go  their rows                        podwatch.go  and how that of pods is
//	node.go   the nodes                         part.go      what is known of each part
//	details.go, usage.go  what -o wide adds     count.go     what is known of all
//	identity.go  which cluster this is          missing.go   what is missing, and why
//
// Pods are listed as server-side Tables without their objects, about 170 bytes a pod instead of the 8,800 of
// its protobuf, and about 26 where the API server compresses: only answers of 128 KiB and more, so one list
// of all namespaces is the lightest. A row bears no namespace then, so pods that are to be watched are listed
// namespace by namespace.
//
// The package does I/O at its edge and knows of this repository only pkg/kube.
package nodes
