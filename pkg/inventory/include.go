package inventory

import (
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/fleetup-dev/fleetup/internal/textfile"
	"github.com/fleetup-dev/fleetup/internal/words"
)

// parts is where included files are looked for.
type parts struct {
	dir  string // patterns are relative to it
	left int64  // how many bytes may still be read
	seen []string
}

// include reads the files that match the patterns: subscriptions with their
// vaults in YAML, or vaults in CSV. A file that matches twice is read once.
func (d *decoder) include(e *entry) {
	list, ok := d.items(e, "include")
	d.sound = d.sound && ok
	if ok && len(list) == 0 {
		d.problem(e.at, "name the files to include, or remove it", "include is an empty list")
	}
	for _, n := range list {
		n, where := d.resolve(n)
		pattern, ok := d.line(&entry{value: n, at: where}, "a file to include")
		if !ok {
			d.sound = false
			continue
		}
		d.includeAll(pattern, where)
	}
}

func (d *decoder) includeAll(pattern string, where place) {
	fail := func(hint, format string, args ...any) {
		d.sound = false
		d.problem(where, hint, format, args...)
	}
	if d.parts == nil {
		fail("give the inventory as a file", "include has no meaning in a text that is no file")
		return
	}
	path := filepath.FromSlash(pattern)
	if !filepath.IsAbs(path) {
		path = filepath.Join(d.parts.dir, path)
	}
	files, err := filepath.Glob(path)
	switch {
	case err != nil:
		fail("close its brackets", "%s is not a pattern of files", quote(pattern))
	case len(files) == 0:
		fail("the path is relative to the inventory", "no file matches %s", quote(pattern))
	}
	slices.Sort(files)
	for _, file := range files {
		if slices.Contains(d.parts.seen, file) {
			continue
		}
		d.parts.seen = append(d.parts.seen, file)
		data, err := d.parts.read(pattern, file)
		d.parts.left -= int64(len(data))
		switch {
		case errors.Is(err, textfile.ErrOutside):
			fail("copy it there, or name its real place",
				"cannot include %s: it is a link to a file outside of the folder", quote(file))
		case errors.Is(err, textfile.ErrNotRegular):
			fail("narrow the pattern to files", "cannot include %s: it is not a regular file", quote(file))
		case err != nil:
			fail("", "cannot include %s: %v", quote(file), err)
		case d.parts.left < 0:
			fail("split the fleet into several inventories", "%s and the files before it are too big: more than %d MiB",
				quote(file), maxSize>>20)
			return
		default:
			d.part(file, data, fail)
		}
	}
}

// read reads a file that a pattern matched. What an inventory includes is its
// own: a link that leads out of its folder is not followed. A pattern that names
// another folder, by an absolute path or by .., means that folder.
func (p *parts) read(pattern, file string) ([]byte, error) {
	folder := p.dir
	if path := filepath.Clean(filepath.FromSlash(pattern)); filepath.IsAbs(path) || path == ".." ||
		strings.HasPrefix(path, ".."+string(filepath.Separator)) {
		folder = fixedFolder(path)
		if !filepath.IsAbs(path) {
			folder = filepath.Join(p.dir, folder)
		}
	}
	f, err := textfile.OpenInside(folder, file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, max(p.left, 0)+1))
}

// fixedFolder is the folder that a pattern names before its first wildcard.
func fixedFolder(pattern string) string {
	folder := filepath.Dir(pattern)
	for strings.ContainsAny(folder, "*?[") {
		folder = filepath.Dir(folder)
	}
	return folder
}

var partForm = newForm("an included file", "", versionKey, byHand[decoder]("subscriptions", toldOfSubscriptions))

// part reads one included file.
func (d *decoder) part(file string, data []byte, fail func(hint, format string, args ...any)) {
	read := d.yamlPart
	switch strings.ToLower(filepath.Ext(file)) {
	case ".csv":
		read = d.tablePart
	case ".yaml", ".yml":
	default:
		fail("name it .yaml or .csv", "cannot include %s: it is neither YAML nor CSV by its name", quote(file))
		return
	}
	before := d.file
	d.file, d.included = file, true
	read(data)
	d.file, d.included = before, false
}

func (d *decoder) yamlPart(data []byte) {
	root := d.document(data)
	if root == nil {
		d.sound = false
		return
	}
	if !d.looksIncluded(root) {
		return
	}
	f, _ := partForm.mapping(d, root, at(root), d)
	if f.get("apiVersion") != nil {
		d.version(&f)
	}
	d.readSubscriptions(&f, false)
}

// looksIncluded refuses a file that has nothing of what an included one has, and
// quotes nothing of it: a pattern may match what is nobody's business.
func (d *decoder) looksIncluded(root *yaml.Node) bool {
	for i := 0; i+1 < len(root.Content); i += 2 {
		if key := root.Content[i].Value; slices.Contains(partForm.names, key) ||
			words.Nearest(key, partForm.names) != "" {
			return true
		}
	}
	d.sound = false
	d.problem(at(root), "narrow the pattern, or begin the file with subscriptions:",
		"this is not a file to include: it has no subscriptions")
	return false
}
