// Package nodes counts the pods of every node, fast and truthfully.
//
// The pods are listed as server-side Tables without their objects, about 170 bytes a pod instead of
// the 8,800 of its protobuf, one request per namespace and many at a time. Rows are counted as they
// arrive, so a Count exists from the first row on; it says what it does not know. A Counter counts
// once, or goes on: then the same lists fill a SharedIndexInformer of tiny keyed objects, and a watch
// that starts where the lists ended keeps the count exact.
//
//	Counter.Once  -> lists ----------------> ledger -> Count
//	Counter.Watch -> lists -> informer <- watch
//	                             `-> handlers -> live tally -> Count
//
// The package does I/O at its edge and knows nothing of the rest of this repository.
package nodes
