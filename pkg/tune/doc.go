// Package tune decides: it turns a Snapshot and a policy into a Plan of Changes, each with its
// reason, and finds the way back from the record that a change leaves on its object. It is pure; the
// cluster package carries its plans out, the report package shows them.
package tune
