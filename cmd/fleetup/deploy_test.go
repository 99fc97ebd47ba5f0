package main

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

const deployments = "../../examples/deploy"

// deployFiles are the examples of deployments, by their paths.
func deployFiles(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(deployments, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		files[filepath.ToSlash(strings.TrimPrefix(path, deployments+"/"))] = string(data)
		return err
	})
	if err != nil || len(files) < 7 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	return files
}

// commandLines finds the calls of the program in shell text, unit files and
// documentation: what follows the word fleetup, up to what ends a command.
func commandLines(text string) [][]string {
	text = strings.ReplaceAll(text, "\\\n", " ")
	var all [][]string
	for _, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") {
			continue
		}
		words := lineWords(line)
		for i, w := range words {
			if w != "fleetup" && !strings.HasSuffix(w, "/fleetup") || i+1 == len(words) || !isCommandPlace(words[:i]) {
				continue
			}
			rest := words[i+1:]
			if end := slices.IndexFunc(rest, func(w string) bool {
				return slices.Contains([]string{"|", "||", "&&", ";", ">", ">>", "|&", "2>&1"}, w) ||
					strings.HasPrefix(w, "#")
			}); end >= 0 {
				rest = rest[:end]
			}
			all = append(all, rest)
		}
	}
	return all
}

// isCommandPlace tells a call from a name: the program stands first, behind
// what runs others, or behind what ends a command.
func isCommandPlace(before []string) bool {
	if len(before) == 0 {
		return true
	}
	last := before[len(before)-1]
	return slices.Contains([]string{"|", "||", "&&", ";", "run:", "-"}, last) || slices.Contains(before, "timeout") ||
		len(before) == 3 && before[0] == "sudo" && before[1] == "-u"
}

// lineWords parts a line as a shell does, as far as examples need.
func lineWords(line string) []string {
	line = strings.TrimPrefix(line, "ExecStart=")
	var words []string
	for _, m := range regexp.MustCompile(`"([^"]*)"|'([^']*)'|(\S+)`).FindAllStringSubmatch(line, -1) {
		words = append(words, m[1]+m[2]+m[3])
	}
	return words
}

// checkCommand says what the program would find wrong with a command line.
func checkCommand(words []string) error {
	app := (&environment{}).app()
	l := lineSoFar{app: app, flags: app.Flags, commands: app.Commands, given: map[string]string{}}
	for _, w := range words {
		if len(w) > 1 && w[0] == '-' && l.awaits == nil && !l.ended && w != "--" {
			name, _, _ := strings.Cut(w, "=")
			if l.flag(name) == nil {
				return fmt.Errorf("there is no flag %s", name)
			}
		}
		if f := l.awaits; f != nil && len(f.choices) > 0 && !strings.Contains(w, "$") &&
			!slices.Contains(f.choices, w) {
			return fmt.Errorf("%s may not be %s", f.names[0], w)
		}
		l.read(w)
	}
	switch {
	case l.awaits != nil:
		return fmt.Errorf("%s has no value", l.awaits.names[0])
	case l.command == nil:
		return fmt.Errorf("there is no such command")
	case len(l.command.Subcommands) > 0 && l.command.Action == nil:
		return fmt.Errorf("%s wants a command", l.command.Name)
	case l.command.ArgsUsage == "" && len(l.arguments) > 0:
		return fmt.Errorf("%s takes no argument such as %s", l.command.Name, l.arguments[0])
	case l.command.ArgsUsage != "" && !strings.HasPrefix(l.command.ArgsUsage, "[") && len(l.arguments) == 0 &&
		l.given["--selector"] == "":
		return fmt.Errorf("%s needs %s", l.command.Name, l.command.ArgsUsage)
	}
	return nil
}

// containers finds the args of the program's containers in YAML.
func containers(n *yaml.Node) [][]string {
	var all [][]string
	if n.Kind == yaml.MappingNode {
		m := map[string]*yaml.Node{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			m[n.Content[i].Value] = n.Content[i+1]
		}
		if m["image"] != nil && m["args"] != nil {
			var words []string
			for _, a := range m["args"].Content {
				words = append(words, a.Value)
			}
			all = append(all, words)
		}
	}
	for _, c := range n.Content {
		all = append(all, containers(c)...)
	}
	return all
}

// TestDeploymentsCallTheProgram: every command line of the examples, and of
// their page, is one that the program takes.
func TestDeploymentsCallTheProgram(t *testing.T) {
	t.Parallel()
	files := deployFiles(t)
	page, err := os.ReadFile("../../docs/deploy.md")
	if err != nil {
		t.Fatal(err)
	}
	for i, b := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		files[fmt.Sprintf("docs/deploy.md block %d", i+1)] = b[1]
	}
	want := map[string]int{"systemd/fleetup-run@.service": 1, "systemd/fleetup-resume@.service": 1,
		"kubernetes/fleetup.yaml":             2,
		"azure-pipelines/azure-pipelines.yml": 4, "github-actions/fleetup.yml": 4, "docs/deploy.md block 2": 1}
	for name, text := range files {
		lines := commandLines(text)
		if ext := filepath.Ext(name); ext == ".yaml" || ext == ".yml" {
			d := yaml.NewDecoder(strings.NewReader(text))
			for {
				var n yaml.Node
				if err := d.Decode(&n); err != nil {
					if err.Error() != "EOF" {
						t.Errorf("%s: %v", name, err)
					}
					break
				}
				lines = append(lines, containers(&n)...)
			}
		}
		if len(lines) != want[name] {
			t.Errorf("%s calls the program %d times, want %d: %q", name, len(lines), want[name], lines)
		}
		for _, words := range lines {
			if err := checkCommand(words); err != nil {
				t.Errorf("%s: fleetup %s: %v", name, strings.Join(words, " "), err)
			}
			unattended := words[0] == "run" || words[0] == "resume"
			if unattended && (!slices.Contains(words, "--yes") || !slices.Contains(words, "--exit-when-waiting")) {
				t.Errorf("%s: fleetup %s waits for somebody", name, strings.Join(words, " "))
			}
		}
	}
	for words, mistake := range map[string]string{
		"runn x": "no such command", "run x --yess": "no flag --yess", "run --yes": "needs INVENTORY",
		"resume x --yes": "no argument",
		"report -o pdf":  "may not be pdf", "status --state": "has no value", "run $plan --credential $kind": "",
	} {
		if err := checkCommand(strings.Fields(words)); (err == nil) != (mistake == "") ||
			err != nil && !strings.Contains(err.Error(), mistake) {
			t.Errorf("%s: got %v", words, err)
		}
	}
}

// codes reads exit codes out of a text.
func codes(t *testing.T, text string) []fleet.ExitCode {
	t.Helper()
	var all []fleet.ExitCode
	for _, s := range regexp.MustCompile(`\d+`).FindAllString(text, -1) {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, fleet.ExitCode(n))
	}
	return all
}

// TestDeploymentsKnowTheExitCodes: what they make of each code is what the
// program means by it.
func TestDeploymentsKnowTheExitCodes(t *testing.T) {
	t.Parallel()
	files := deployFiles(t)
	good := []fleet.ExitCode{fleet.ExitInterrupted, fleet.ExitNotUpgraded}
	var final, failing []fleet.ExitCode // what a restart does not change; all but 0
	for _, m := range fleet.ExitCodes() {
		if m.Code != fleet.ExitOK && m.Code != fleet.ExitInternal {
			final = append(final, m.Code)
		}
		if m.Code != fleet.ExitOK {
			failing = append(failing, m.Code)
		}
	}
	seen := 0
	check := func(name, pattern string, want []fleet.ExitCode) {
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(files[name], -1) {
			seen++
			if got := codes(t, m[1]); !slices.Equal(got, want) {
				t.Errorf("%s: %q, want the codes %v", name, m[0], want)
			}
		}
	}
	check("systemd/fleetup-run@.service", `(?m)^SuccessExitStatus=(.*)$`, good)
	check("systemd/fleetup-resume@.service", `(?m)^SuccessExitStatus=(.*)$`,
		[]fleet.ExitCode{fleet.ExitInterrupted, fleet.ExitInUse, fleet.ExitNotUpgraded})
	check("systemd/fleetup-resume@.service", `(?m)^RestartPreventExitStatus=(.*)$`, final)
	check("kubernetes/fleetup.yaml", `onExitCodes: \{.*values: (\[.*\])\}`, failing)
	check("azure-pipelines/azure-pipelines.yml", `(?m)^ *([0-9|]+)\) echo`, good)
	check("github-actions/fleetup.yml", `(?m)^ *([0-9|]+)\) echo`, good)
	if seen != 9 {
		t.Errorf("found %d lists of exit codes, want 9", seen)
	}
	page, err := os.ReadFile("../../docs/deploy.md")
	if err != nil {
		t.Fatal(err)
	}
	var all []fleet.ExitCode
	for _, m := range regexp.MustCompile(`(?m)^\| ([0-9, ]+) \|`).FindAllStringSubmatch(string(page), -1) {
		all = append(all, codes(t, m[1])...)
	}
	slices.Sort(all)
	if len(all) != len(failing)+1 || len(slices.Compact(all)) != len(failing)+1 {
		t.Errorf("docs/deploy.md tells what follows the codes %v", all)
	}
}

// TestSystemdUnits are read by systemd where it is, and their lines are
// settings in sections anywhere.
func TestSystemdUnits(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var units []string
	program, err := exec.LookPath("fleetup")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range deployFiles(t) {
		if !strings.HasPrefix(name, "systemd/") {
			continue
		}
		section := ""
		for line := range strings.Lines(text) {
			line = strings.TrimSpace(line)
			switch {
			case line == "", strings.HasPrefix(line, "#"):
			case slices.Contains([]string{"[Unit]", "[Service]", "[Timer]", "[Install]"}, line):
				section = line
			case section == "" || !regexp.MustCompile(`^[A-Z][A-Za-z]+=`).MatchString(line):
				t.Errorf("%s: %q is no setting of a section", name, line)
			}
		}
		if strings.HasSuffix(name, ".service") {
			for _, must := range []string{"\nKillSignal=SIGINT\n", "\nStateDirectory=fleetup\n", "\nUser=fleetup\n",
				"\nNoNewPrivileges=yes\n", "\nProtectSystem=strict\n"} {
				if !strings.Contains(text, must) {
					t.Errorf("%s lacks %s", name, strings.TrimSpace(must))
				}
			}
			if m := regexp.MustCompile(`\nTimeoutStopSec=(\d+)\n`).FindStringSubmatch(text); m == nil ||
				codes(t, m[1])[0] <= 100 {
				t.Errorf("%s does not give a start the time for its answer: %v", name, m)
			}
		}
		// systemd looks whether the program is there, and whether the user is.
		text = strings.ReplaceAll(text, "ExecStart=fleetup ", "ExecStart="+program+" ")
		text = strings.ReplaceAll(text, "User=fleetup", "User=root")
		unit := filepath.Join(dir, filepath.Base(name))
		if err := os.WriteFile(unit, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		units = append(units, strings.Replace(unit, "@.", "@contoso.", 1))
	}
	if len(units) != 3 {
		t.Fatalf("units %v", units)
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Log("there is no systemd here")
		return
	}
	cmd := exec.Command(analyze, append([]string{"verify", "--man=no", "--recursive-errors=no"}, units...)...)
	cmd.Env = append(os.Environ(), "SYSTEMD_UNIT_PATH="+dir+":")
	if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), dir) {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}

// TestContainerfile: static, as no one in particular, with certificates, and
// with the version that the build was given.
func TestContainerfile(t *testing.T) {
	t.Parallel()
	text := deployFiles(t)["container/Containerfile"]
	_, last, ok := strings.Cut(text, "\nFROM scratch\n")
	for _, must := range []string{"ca-certificates.crt", "\nUSER 65532:65532\n", "\nVOLUME /state\n",
		`ENTRYPOINT ["/fleetup"]`, "\nSTOPSIGNAL SIGINT\n"} {
		if !ok || !strings.Contains(last, must) {
			t.Errorf("the image lacks %q", strings.TrimSpace(must))
		}
	}
	for _, must := range []string{"CGO_ENABLED=0", "-X main.version=$VERSION", "-X main.revision=$REVISION"} {
		if !strings.Contains(text, must) {
			t.Errorf("the build lacks %q", must)
		}
	}
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if word != "" && word != "#" && !slices.Contains([]string{"FROM", "ARG", "WORKDIR", "COPY", "RUN", "VOLUME",
			"USER", "ENV", "STOPSIGNAL", "ENTRYPOINT", "CMD"}, word) {
			t.Errorf("%q is no instruction", line)
		}
	}
	if m := regexp.MustCompile(`(?m)^CMD \["(.*)"\]$`).FindStringSubmatch(text); m == nil ||
		checkCommand([]string{m[1]}) != nil {
		t.Errorf("CMD %v", m)
	}
}
