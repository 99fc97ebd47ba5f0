package state_test

import (
	"fmt"
	"hash/maphash"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/fleetup-dev/fleetup/test/syscalls"
)

// sector is what a disk writes whole or not at all.
const sector = 512

// disk is what is known of a disk on which one process works in one directory:
// what is durable for certain, and what may or may not have reached it. Only a
// sync makes the second the first; nothing else is promised by POSIX, and file
// systems that promise more are only kinder than this.
type disk struct {
	dir     string
	tear    int // what is written whole; a sector
	files   []*inode
	open    map[int]*inode // by descriptor; the directory's is nil
	names   map[string]*inode
	durable map[string]*inode // names
	renames []rename          // pending
}

type inode struct {
	number  int
	size    int // as the process sees it
	durable []byte
	pending []change
}

// change is a write, or with no data a new size.
type change struct {
	data []byte
	at   int
	size int
}

// rename is a change of a name; to nil takes it away.
type rename struct {
	name string
	to   *inode
}

func newDisk(dir string, tear int) *disk {
	return &disk{dir: dir, tear: tear, open: map[int]*inode{}, names: map[string]*inode{}, durable: map[string]*inode{}}
}

// apply carries a call out. What it does not understand is an error, so that
// nothing can be written past the model.
func (d *disk) apply(c *syscalls.Call) error {
	name := filepath.Base(c.Path)
	f, isOpen := d.open[c.FD]
	switch c.Name {
	case "openat":
		if c.Path == d.dir {
			d.open[c.FD] = nil
			return nil
		}
		f = d.names[name]
		if f == nil && c.Flags&unix.O_CREAT != 0 {
			f = &inode{number: len(d.files)}
			d.files = append(d.files, f)
			d.rename(name, f)
		}
		if f == nil || c.Flags&unix.O_TRUNC != 0 {
			return fmt.Errorf("it is not known what %v opened", c)
		}
		d.open[c.FD] = f
	case "close":
		delete(d.open, c.FD)
	case "linkat":
		d.rename(filepath.Base(c.To), d.names[name])
	case "unlinkat":
		d.rename(name, nil)
	case "write", "pwrite64":
		if !isOpen || f == nil || c.Name == "write" {
			return fmt.Errorf("it is not known where %v writes", c)
		}
		f.pending = append(f.pending, change{data: c.Data, at: int(c.Offset)})
		f.size = max(f.size, int(c.Offset)+len(c.Data))
	case "ftruncate":
		f.pending = append(f.pending, change{size: int(c.Size)})
		f.size = int(c.Size)
	case "fallocate":
		if end := int(c.Offset + c.Size); end > f.size && c.Flags == 0 {
			f.pending = append(f.pending, change{size: end})
			f.size = end
		}
	case "fsync", "fdatasync":
		if f != nil {
			f.durable, f.pending = f.image(all, d.tear), nil
			return nil
		}
		d.durable, d.renames = maps.Clone(d.names), nil
	default:
		return fmt.Errorf("it is not known what %v does", c)
	}
	return nil
}

func (d *disk) rename(name string, to *inode) {
	if d.renames = append(d.renames, rename{name, to}); to == nil {
		delete(d.names, name)
	} else {
		d.names[name] = to
	}
}

// choice says what of the pending changes has reached the disk when the power
// fails.
type choice struct {
	name   string
	change func(f *inode, i int) bool         // any of it
	sector func(f *inode, i int, at int) bool // of a write: this sector
	rename func(i int) bool
	stale  bool // what a file grew by and nobody wrote holds what lay there before
}

var all = choice{name: "all", change: func(*inode, int) bool { return true }}

// image is the content of a file after a crash.
func (f *inode) image(c choice, tear int) []byte {
	b := slices.Clone(f.durable)
	grow := func(to int) {
		for len(b) < to {
			if c.stale {
				b = append(b, 0xA5)
			} else {
				b = append(b, 0)
			}
		}
	}
	for i, p := range f.pending {
		if !c.change(f, i) {
			continue
		}
		if p.data == nil {
			if grow(p.size); len(b) > p.size {
				b = b[:p.size]
			}
			continue
		}
		for from := 0; from < len(p.data); {
			at := p.at + from
			to := min(len(p.data), from+tear-at%tear)
			if c.sector == nil || c.sector(f, i, at/tear) {
				grow(at + to - from)
				copy(b[at:], p.data[from:to])
			}
			from = to
		}
	}
	return b
}

// images are the contents of the directory after a crash now, each of them
// once: by what reached the disk, so many times at random.
func (d *disk) images(rng *rand.Rand, random int, seen map[uint64]bool, seed maphash.Seed,
	yield func(how string, files map[string][]byte)) {
	for _, c := range d.choices(rng, random) {
		names := maps.Clone(d.durable)
		for i, r := range d.renames {
			switch {
			case c.rename != nil && !c.rename(i) || c.rename == nil && !c.change(nil, 0):
			case r.to == nil:
				delete(names, r.name)
			default:
				names[r.name] = r.to
			}
		}
		files := map[string][]byte{}
		var h maphash.Hash
		h.SetSeed(seed)
		for _, name := range slices.Sorted(maps.Keys(names)) {
			files[name] = names[name].image(c, d.tear)
			fmt.Fprint(&h, name, len(files[name]))
			h.Write(files[name])
		}
		if sum := h.Sum64(); !seen[sum] {
			seen[sum] = true
			yield(c.name, files)
		}
	}
}

// choices are the nasty ones by name, and some at random.
func (d *disk) choices(rng *rand.Rand, random int) []choice {
	const head = 2 // pages
	isHead := func(f *inode, i int) bool {
		return f != nil && f.pending[i].data != nil && f.pending[i].at < head*unix.Getpagesize()
	}
	last := func(f *inode, i int) bool { return f != nil && i == len(f.pending)-1 }
	always := func(int) bool { return true }
	cs := []choice{all,
		{name: "none", change: func(*inode, int) bool { return false }},
		{name: "only the heads", change: isHead, rename: always},
		{name: "all but the heads", change: func(f *inode, i int) bool { return !isHead(f, i) }, rename: always},
		{name: "only the last", change: last, rename: always},
		{name: "all but the last", change: func(f *inode, i int) bool { return !last(f, i) }, rename: always},
		{name: "names without content", change: func(*inode, int) bool { return false }, rename: always},
		{name: "content without names", change: all.change, rename: func(int) bool { return false }},
		{name: "sizes without content",
			change: func(f *inode, i int) bool { return f != nil && f.pending[i].data == nil }, rename: always,
			stale: true},
	}
	if d.tear < sector {
		cs = nil // they break no sector
	}
	for n := range random {
		p := []float64{0.5, 0.1, 0.9}[n%3]
		seed := rng.Uint64()
		// The same question gets the same answer.
		draw := func(p float64, of ...int) bool {
			x := seed
			for _, n := range of {
				x = (x ^ uint64(n+1)) * 0x9E3779B97F4A7C15
				x ^= x >> 29
			}
			return rand.New(rand.NewPCG(x, seed)).Float64() < p
		}
		c := choice{name: fmt.Sprintf("%.0f %% of the changes, seed %d", 100*p, seed), stale: n%2 == 1,
			change: func(f *inode, i int) bool { return f != nil && draw(p, f.number, i) },
			rename: func(i int) bool { return draw(p, -9, i) }}
		if n%2 == 0 {
			c.name = fmt.Sprintf("%.0f %% of the sectors, seed %d", 100*p, seed)
			c.change = func(f *inode, i int) bool {
				return f != nil &&
					(f.pending[i].data != nil || draw(p, f.number, i))
			}
			c.sector = func(f *inode, i, at int) bool { return draw(p, f.number, i, at) }
		}
		cs = append(cs, c)
	}
	return cs
}
