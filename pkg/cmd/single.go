package cmd

import "fmt"

// single is a flag that may be given once: a second one would take the place of the first without a word.
type single struct{ text *string }

// String is the text.
func (o single) String() string {
	if o.text == nil { // as pflag asks for the zero value
		return ""
	}
	return *o.text
}

// Type is what the help calls it.
func (o single) Type() string { return "string" }

// Set takes the text; an error where there is one.
func (o single) Set(text string) error {
	if *o.text != "" {
		return fmt.Errorf("it is given twice, and only one can be read, after %q: run the command once for each", *o.text)
	}
	*o.text = text
	return nil
}
