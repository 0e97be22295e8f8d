package report

import "github.com/fluxtune/kubectl-fluxtune/pkg/budget"

const othersOnTop = "; what other clusters ask comes on top"

// onTop says behind what a host gets what is not counted in it; "" where all is.
func onTop(b budget.Budget) string {
	switch {
	case b.Partial:
		return "; what was not read comes on top"
	case b.Beyond:
		return othersOnTop
	default:
		return ""
	}
}

// fitOnTop says so behind a share: it is of all clusters, whether any others are known or not.
func (o Overview) fitOnTop() string {
	if text := onTop(o.Budget); text != "" || !o.Alone {
		return text
	}
	return othersOnTop
}
