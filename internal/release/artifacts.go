package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// file is one of an archive. All times are the commit's, all owners root:
// nothing of the machine that builds is in an archive.
type file struct {
	name string // within the archive, with slashes
	from string // on the disk; "" for a folder
	data []byte // in place of from
	mode int64
	user int
}

func (f file) read() ([]byte, error) {
	if f.from == "" {
		return f.data, nil
	}
	return os.ReadFile(f.from)
}

// writeTar writes an archive of files, in their order.
func writeTar(w io.Writer, files []file, at time.Time) error {
	out := tar.NewWriter(w)
	for _, f := range files {
		data, err := f.read()
		if err != nil {
			return err
		}
		h := &tar.Header{Typeflag: tar.TypeReg, Name: f.name, Size: int64(len(data)), Mode: f.mode, Uid: f.user,
			Gid: f.user, ModTime: at, Format: tar.FormatPAX}
		if strings.HasSuffix(f.name, "/") {
			h.Typeflag = tar.TypeDir
		}
		if err := out.WriteHeader(h); err != nil {
			return err
		}
		if _, err := out.Write(data); err != nil {
			return err
		}
	}
	return out.Close()
}

func writeTarGz(w io.Writer, files []file, at time.Time) error {
	out, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	if err := writeTar(out, files, at); err != nil {
		return err
	}
	return out.Close()
}

func writeZip(w io.Writer, files []file, at time.Time) error {
	out := zip.NewWriter(w)
	for _, f := range files {
		data, err := f.read()
		if err != nil {
			return err
		}
		h := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: at}
		h.SetMode(os.FileMode(f.mode))
		part, err := out.CreateHeader(h)
		if err != nil {
			return err
		}
		if _, err := part.Write(data); err != nil {
			return err
		}
	}
	return out.Close()
}

// archive writes a platform's archive: the program, with what goes beside it.
func (r *release) archive(s stage) (string, error) {
	name := r.name(s.target)
	files := []file{{name: "LICENSE", from: filepath.Join(r.root, "LICENSE"), mode: 0o644},
		{name: "README.md", from: filepath.Join(r.root, "README.md"), mode: 0o644},
		{name: "CHANGELOG.md", from: filepath.Join(r.root, "CHANGELOG.md"), mode: 0o644},
		{name: "grafana.json", from: filepath.Join(r.root, dashboard), mode: 0o644},
		{name: path.Base(filepath.ToSlash(s.binary)), from: s.binary, mode: 0o755}}
	scripts := completions
	if s.target.os == "windows" {
		scripts = []completion{{"fleetup.ps1", "fleetup.ps1"}}
	} else {
		files = append(files, file{name: "fleetup.1", from: filepath.Join(r.root, manual), mode: 0o644})
	}
	for _, c := range scripts {
		files = append(files, file{name: "completion/" + c.name, mode: 0o644,
			from: filepath.Join(r.root, completionFolder, c.source)})
	}
	if s.target.os == "linux" {
		units, err := filepath.Glob(filepath.Join(r.root, unitFolder, "fleetup-*"))
		if err != nil || len(units) == 0 {
			return "", fmt.Errorf("no units in %s: %w", unitFolder, err)
		}
		for _, u := range units {
			files = append(files, file{name: "systemd/" + filepath.Base(u), from: u, mode: 0o644})
		}
	}
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.name, b.name) })
	for i := range files {
		files[i].name = name + "/" + files[i].name
	}
	write, ending := writeTarGz, ".tar.gz"
	if s.target.os == "windows" {
		write, ending = writeZip, ".zip"
	}
	return name + ending, r.create(name+ending, func(w io.Writer) error { return write(w, files, r.at) })
}

// create writes a file of the release.
func (r *release) create(name string, write func(io.Writer) error) error {
	f, err := os.OpenFile(filepath.Join(r.out, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		_ = f.Close()
		return fmt.Errorf("%s: %w", name, err)
	}
	return f.Close()
}
