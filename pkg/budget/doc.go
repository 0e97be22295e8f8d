// Package budget says what intervals cost and what they buy: requests to Git hosts and other sources,
// the kube-apiserver's load, how busy the controllers' workers are, and how long a commit takes until it
// is applied. It takes the items of a tune.Plan and answers for each number twice: as it is now, and
// under the plan. Package report shows the answers. Everything here is pure.
package budget
