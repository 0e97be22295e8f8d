package nodes

import (
	"fmt"
	"io"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
)

// errNoTable is a Table that does not say of each row what counting needs: aggregated API servers and some proxies print only
// name and age. The same request for plain objects helps. Kubernetes prints all cells of all pods, names and nodes that are
// never empty, and rows also where there is none (pkg/printers/internalversion, printPodList).
var errNoTable = fmt.Errorf(`the server's table does not have "Name", "Node" and "Status" of each row: %w`, kube.ErrMalformed)

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

// pod is what counting keeps of a row; node is its node's name as a string that all its pods share.
func (r row) pod(keyed bool, node string) pod {
	p := pod{node: node, terminating: r.terminating}
	if keyed {
		p.name = string(r.name)
	}
	return p
}

// decodeList reads a Table or a List of pods, row by row as it arrives.
func decodeList(r io.Reader, each func(row)) (kube.Meta, error) {
	return (&decoder{Scanner: kube.NewScanner(r), each: each, name: -1, node: -1, status: -1}).document()
}

// decodeNames reads a Table or List of any kind for the names of its objects.
func decodeNames(r io.Reader, each func(row)) (kube.Meta, error) {
	return (&decoder{Scanner: kube.NewScanner(r), each: each, name: -1, node: -1, status: -1, namesOnly: true}).document()
}

type decoder struct {
	*kube.Scanner
	each      func(row)
	namesOnly bool

	name, node, status int // columns
	hasRows            bool
	cells              [2][]byte
	object             objectCells
}

// objectCells copies what a row takes from its object, as the reader's buffer moves on.
type objectCells struct{ namespace, name, node, app []byte }

func (d *decoder) document() (kube.Meta, error) {
	meta := d.Answer(func(key string) bool {
		switch key {
		case "columnDefinitions":
			d.columns()
		case "rows":
			d.rows()
		case "items":
			d.items()
		default:
			return false
		}
		return true
	})
	if meta.Kind == "Table" {
		d.need(d.hasRows && d.hasColumns()) // also where there are no rows
	}
	if d.Err() != nil {
		return kube.Meta{}, fmt.Errorf("reading the list: %w", d.Err())
	}
	return meta, nil
}

func (d *decoder) columns() {
	for i := range d.Elements {
		for key := range d.Fields {
			if string(key) != "name" {
				d.Skip()
				continue
			}
			switch string(d.Str()) {
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

func (d *decoder) hasColumns() bool {
	return d.name >= 0 && (d.namesOnly || d.node >= 0 && d.status >= 0)
}

func (d *decoder) need(said bool) {
	if !said {
		d.Fail(errNoTable)
	}
}

func (d *decoder) rows() {
	if d.Null() {
		return
	}
	d.hasRows = true
	d.need(d.hasColumns())
	for range d.Elements {
		r, said := row{}, false
		for key := range d.Fields {
			switch string(key) {
			case "cells":
				said = d.readCells(&r)
			case "object":
				d.readObject(&r)
			default:
				d.Skip()
			}
		}
		if d.need(said); d.Err() == nil {
			d.each(r)
		}
	}
}

// readCells tells whether they say what is counted.
func (d *decoder) readCells(r *row) (said bool) {
	status := false
	for i := range d.Elements {
		switch i {
		case d.name:
			d.cells[0] = append(d.cells[0][:0], d.Str()...)
			r.name = d.cells[0]
		case d.node:
			d.cells[1] = append(d.cells[1][:0], d.Str()...)
			r.node = d.cells[1]
		case d.status:
			// What printers.printPod says of a pod with a deletionTimestamp. It says Unknown of one that has status.reason
			// NodeLost besides, which nothing sets any more (Kubernetes 1.36, NodeUnreachablePodReason); and of a pod whose
			// phase is Unknown, or whose container ended for that reason, as after a restart of containerd.
			text := d.Str()
			r.terminating, status = string(text) == "Terminating", text != nil // empty where a pod has no phase
		default:
			d.Skip()
		}
	}
	said = len(r.name) > 0 && (d.namesOnly || len(r.node) > 0 && status)
	if string(r.node) == "<none>" {
		r.node = nil
	}
	return said
}

func (d *decoder) items() {
	for range d.Elements {
		r := row{}
		d.readObject(&r)
		if len(r.name) == 0 {
			d.Fail(fmt.Errorf("the API server's answer has an object without a name: %w", kube.ErrMalformed))
		}
		if d.Err() == nil {
			d.each(r)
		}
	}
}

// readObject takes from a pod, whole or its metadata only, what a row holds.
func (d *decoder) readObject(r *row) {
	for key := range d.Fields {
		switch string(key) {
		case "metadata":
			d.readMetadata(r)
		case "spec":
			for key := range d.Fields {
				if string(key) == "nodeName" {
					r.node = d.keep(&d.object.node)
				} else {
					d.Skip()
				}
			}
		case "status":
			for key := range d.Fields {
				if string(key) == "phase" {
					phase := d.Str()
					r.finished = string(phase) == "Succeeded" || string(phase) == "Failed"
				} else {
					d.Skip()
				}
			}
		default:
			d.Skip()
		}
	}
}

func (d *decoder) readMetadata(r *row) {
	for key := range d.Fields {
		switch string(key) {
		case "namespace":
			r.namespace = d.keep(&d.object.namespace)
		case "name":
			r.name = d.keep(&d.object.name)
		case "deletionTimestamp":
			r.terminating = len(d.Str()) > 0
		case "labels":
			for key := range d.Fields {
				if string(key) == "app" {
					r.app = d.keep(&d.object.app)
				} else {
					d.Skip()
				}
			}
		default:
			d.Skip()
		}
	}
}

func (d *decoder) keep(cell *[]byte) []byte {
	*cell = append((*cell)[:0], d.Str()...)
	return *cell
}
