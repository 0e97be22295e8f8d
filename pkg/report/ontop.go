package report

const othersOnTop = "; what other clusters ask comes on top"

// onTop says behind what a host gets what is not counted in it; "" where all is.
func (o Overview) onTop() string {
	switch {
	case o.Budget.Partial && o.Unasked != "" && len(o.Missing) == 0:
		return "; what " + o.Unasked + " ask comes on top"
	case o.Budget.Partial:
		return "; what was not read comes on top"
	case o.Budget.Beyond:
		return othersOnTop
	default:
		return ""
	}
}

// fitOnTop says so behind a share: it is of all clusters, whether any others are known or not.
func (o Overview) fitOnTop() string {
	if text := o.onTop(); text != "" || !o.Alone {
		return text
	}
	return othersOnTop
}
