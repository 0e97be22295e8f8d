// Package terminal draws for people who read a terminal: tables that fit its width, text that is made
// shorter or broken into lines, colours, bars. It is pure but for the size, which is asked each time.
package terminal
