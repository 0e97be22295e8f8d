// Package fit chooses how often each source polls, so that what changes often is polled often, and no host
// gets more than its share.
//
// It stands between a budget and a plan: a budget says what every poll costs and whom it asks, the activity
// says how often commits come, the policy says between which ends an interval may lie. Solve finds the
// intervals with the shortest expected wait from a commit to the poll that finds it, Round makes durations of
// them that people write, and package tune plans these like any other wish. Everything here is pure.
package fit
