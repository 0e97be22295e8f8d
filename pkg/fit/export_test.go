package fit

// What tests of the package look at from outside.
var (
	Observed = observed
	Guess    = guess
	Pace     = pace
)
