package terminal

import "strings"

// Bar draws a share, in percent of full, in a number of cells; what is more than full is drawn full. On terminals that
// may draw block elements two cells wide, it is drawn in ASCII.
func Bar(percent float64, width int, eastAsian bool) string {
	full := int(max(0, min(float64(width), percent/100*float64(width)+0.5))) // before it is an int, which holds no infinity
	if percent > 0 && full == 0 {
		full = 1 // a little is not nothing
	}
	if eastAsian {
		return strings.Repeat("#", full) + strings.Repeat(".", width-full)
	}
	return strings.Repeat("█", full) + strings.Repeat("░", width-full)
}

// Spark draws numbers as columns of eighths beside each other, the largest one full; "" on terminals that may draw block
// elements two cells wide.
func Spark(numbers []int, eastAsian bool) string {
	most := 0
	for _, n := range numbers {
		most = max(most, n)
	}
	if eastAsian || most == 0 {
		return ""
	}
	eighths := []rune("▁▂▃▄▅▆▇█")
	var b strings.Builder
	for _, n := range numbers {
		if n == 0 {
			b.WriteByte(' ')
			continue
		}
		b.WriteRune(eighths[(n*len(eighths)-1)/most])
	}
	return strings.TrimRight(b.String(), " ")
}
