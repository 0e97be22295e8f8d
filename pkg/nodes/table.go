package nodes

import (
	"errors"
	"fmt"
	"io"
)

// Accept headers of the lists. A server, or a proxy before it, that knows no Tables answers the first
// with plain objects, which decodeList reads as well.
const (
	acceptTable = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
	acceptPlain = "application/json"
)

// errNoNode is a Table without the columns that counting needs: aggregated API servers and some
// proxies print only name and age. The same request for plain objects helps.
var errNoNode = errors.New(`the server's table has no columns "Name" and "Node"`)

// row is a pod as a list shows it. Its slices are valid only while the row is handled.
type row struct {
	namespace   []byte // empty without its object
	name        []byte
	node        []byte // empty when not scheduled
	app         []byte // the label "app", only with its object
	terminating bool
	// finished is only known of plain objects; the server leaves finished pods out by itself.
	finished bool
}

// page is what a list says beside its rows.
type page struct {
	resourceVersion string
	next            string // the continue token
}

// decodeList reads a Table or a List of pods, row by row as it arrives.
func decodeList(r io.Reader, each func(row)) (page, error) {
	return (&decoder{scanner: newScanner(r), each: each, name: -1, node: -1, status: -1}).document()
}

// decodeNames reads a Table or List of any kind for the names of its objects.
func decodeNames(r io.Reader, each func(row)) (page, error) {
	return (&decoder{scanner: newScanner(r), each: each, name: -1, node: -1, status: -1, namesOnly: true}).document()
}

type decoder struct {
	*scanner
	each      func(row)
	page      page
	namesOnly bool

	name, node, status int // columns
	cells              [3][]byte
	object             objectCells
}

// objectCells copies what a row takes from its object, as the reader's buffer moves on.
type objectCells struct{ namespace, name, node, app []byte }

func (d *decoder) document() (page, error) {
	for key := range d.fields {
		switch string(key) {
		case "metadata":
			d.metadata()
		case "columnDefinitions":
			d.columns()
		case "rows":
			d.rows()
		case "items":
			d.items()
		default:
			d.skip()
		}
	}
	if d.err != nil {
		return page{}, fmt.Errorf("reading the list: %w", d.err)
	}
	return d.page, nil
}

func (d *decoder) metadata() {
	for key := range d.fields {
		switch string(key) {
		case "resourceVersion":
			d.page.resourceVersion = string(d.str())
		case "continue":
			d.page.next = string(d.str())
		default:
			d.skip()
		}
	}
}

func (d *decoder) columns() {
	for i := range d.elements {
		for key := range d.fields {
			if string(key) != "name" {
				d.skip()
				continue
			}
			switch string(d.str()) {
			case "Name":
				d.name = i
			case "Node":
				d.node = i
			case "Status":
				d.status = i
			}
		}
	}
}

func (d *decoder) rows() {
	if d.peek() != 'n' && (d.name < 0 || d.node < 0 && !d.namesOnly) {
		d.fail(errNoNode)
	}
	for range d.elements {
		r := row{}
		for key := range d.fields {
			switch string(key) {
			case "cells":
				d.readCells(&r)
			case "object":
				d.readObject(&r)
			default:
				d.skip()
			}
		}
		if d.err == nil {
			d.each(r)
		}
	}
}

func (d *decoder) readCells(r *row) {
	for i := range d.elements {
		switch i {
		case d.name:
			d.cells[0] = append(d.cells[0][:0], d.str()...)
			r.name = d.cells[0]
		case d.node:
			d.cells[1] = append(d.cells[1][:0], d.str()...)
			r.node = d.cells[1]
		case d.status:
			// printers.printPod says Terminating, or Unknown on an unreachable node.
			status := d.str()
			r.terminating = string(status) == "Terminating" || string(status) == "Unknown"
		default:
			d.skip()
		}
	}
	if string(r.node) == "<none>" {
		r.node = nil
	}
}

func (d *decoder) items() {
	for range d.elements {
		r := row{}
		d.readObject(&r)
		if d.err == nil {
			d.each(r)
		}
	}
}

// readObject takes from a pod, whole or its metadata only, what a row holds.
func (d *decoder) readObject(r *row) {
	for key := range d.fields {
		switch string(key) {
		case "metadata":
			d.readMetadata(r)
		case "spec":
			for key := range d.fields {
				if string(key) == "nodeName" {
					r.node = d.keep(&d.object.node)
				} else {
					d.skip()
				}
			}
		case "status":
			for key := range d.fields {
				if string(key) == "phase" {
					phase := d.str()
					r.finished = string(phase) == "Succeeded" || string(phase) == "Failed"
				} else {
					d.skip()
				}
			}
		default:
			d.skip()
		}
	}
}

func (d *decoder) readMetadata(r *row) {
	for key := range d.fields {
		switch string(key) {
		case "namespace":
			r.namespace = d.keep(&d.object.namespace)
		case "name":
			r.name = d.keep(&d.object.name)
		case "deletionTimestamp":
			r.terminating = len(d.str()) > 0
		case "labels":
			for key := range d.fields {
				if string(key) == "app" {
					r.app = d.keep(&d.object.app)
				} else {
					d.skip()
				}
			}
		default:
			d.skip()
		}
	}
}

func (d *decoder) keep(cell *[]byte) []byte {
	*cell = append((*cell)[:0], d.str()...)
	return *cell
}
