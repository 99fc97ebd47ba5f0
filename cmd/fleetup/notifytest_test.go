package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

// TestTargetsAreTried before the night: each gets one message, of every format, and who
// does not take it is told of with what to do; its URL is nowhere.
func TestTargetsAreTried(t *testing.T) {
	t.Parallel()
	h, dir := newHook(t), t.TempDir()
	refuses := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(refuses.Close)
	takes := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(takes.Close)
	gone := httptest.NewServer(nil)
	gone.Close()
	env := []string{"FLEETUP_NOTIFY_SECRET=" + hookSecret}
	try := func(code int, args ...string) (stdout, stderr string) {
		t.Helper()
		cmd, errs := told(dir, env, append([]string{"notify", "test"}, args...)...)
		var out bytes.Buffer
		cmd.Stdout = &out
		_ = cmd.Run()
		if got := cmd.ProcessState.ExitCode(); got != code || strings.Contains(out.String()+errs.String(), "s3cr3t") {
			t.Errorf("%v exits %d, want %d, and says\n%s%s", args, got, code, out.String(), errs)
		}
		return out.String(), errs.String()
	}
	has := func(text, pattern string) {
		t.Helper()
		if !regexp.MustCompile("(?m)" + pattern).MatchString(text) {
			t.Errorf("there is no %s in\n%s", pattern, text)
		}
	}

	out, _ := try(0, "--notify-file", h.named(dir))
	has(out, `^delivered +cloudevents at 127\.0\.0\.1:\d+ +[0-9.]+m?s +-$`)
	if got := h.all(); len(got) != 1 || got[0] != "test" {
		t.Errorf("the hook was told %v", got)
	}
	out, errs := try(1, "--notify", "teams="+takes.URL+hookPath, "--notify", "slack="+refuses.URL+hookPath, "--notify",
		"slack="+gone.URL+hookPath)
	has(out, `^delivered +teams at `)
	has(out, `^NOT DELIVERED +slack at 127\.0\.0\.1:\d+ +[0-9.]+m?s +HTTP 404$`)
	has(out, `^NOT DELIVERED +slack at .*connection refused`)
	has(errs, `^fleetup: 2 targets of 3 were not told$`)
	has(errs, `^Next: make a new webhook where the old one was refused`)
	_, errs = try(1, "--notify", "slack="+gone.URL+hookPath)
	has(errs, `^Next: look at the address, the proxy and the network between`)
	out, _ = try(0, "--notify", "slack="+takes.URL+hookPath, "-o", "tsv")
	has(out, `^slack\t127\.0\.0\.1:\d+\ttrue\t\t[0-9.e-]+$`)
	_, errs = try(2)
	has(errs, `^fleetup: nobody to tell: neither --notify-file nor --notify nor FLEETUP_NOTIFY names a target$`)
}
