// Command devserver is a Temporal server for trying the engine out: all of its
// services in one process on the loopback interface, with SQLite in one file. What was
// acknowledged is in the file, so the process can be killed at any moment and another
// one goes on from there. It has no sign-in and no encryption: it listens on loopback
// addresses only, and it is not for production.
//
// It is a module of its own because the server needs an older SDK than the engine.
package main

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"go.temporal.io/server/common/log"
	"go.temporal.io/server/temporal"
)

func main() {
	if err := run(os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "devserver:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("devserver", flag.ContinueOnError)
	file := flags.String("db", "temporal.db",
		"the `file` with everything that the server knows; made where there is none")
	address := flags.String("address", "127.0.0.1:7233",
		"the loopback `host:port` to listen on; port 0 takes a free one")
	namespace := flags.String("namespace", "default", "the namespace to register")
	verbose := flags.Bool("verbose", false, "log what the server does, and not its errors alone")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q; the flags are listed by --help", flags.Arg(0))
	}
	ip, port, err := loopback(*address)
	if err != nil {
		return err
	}
	level := "error"
	if *verbose {
		level = "info"
	}
	logger := log.NewZapLogger(log.BuildZapLogger(log.Config{Level: level, Format: "console"}))
	conf, sql, err := configure(*file, ip, port)
	if err != nil {
		return err
	}
	if err := prepare(*file, sql, *namespace); err != nil {
		return err
	}
	options, err := serverOptions(conf, logger)
	if err != nil {
		return err
	}
	server, err := temporal.NewServer(options...)
	if err != nil {
		return err
	}
	if err := server.Start(); err != nil {
		return err
	}
	fmt.Printf("listening on %s, namespace %s, in %s\n", conf.PublicClient.HostPort, *namespace, *file)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	<-stop
	signal.Stop(stop) // a second one ends the process at once
	return server.Stop()
}

// loopback reads an address that only this machine can reach.
func loopback(address string) (ip string, port int, err error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fmt.Errorf("--address %s: expected host:port", address)
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	if at := net.ParseIP(host); at == nil || !at.IsLoopback() {
		return "", 0,
			fmt.Errorf("--address %s: the development server has no sign-in and listens on loopback addresses only, "+
				"such as 127.0.0.1:7233", address)
	}
	if port, err = strconv.Atoi(service); err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("--address %s: %q is not a port", address, service)
	}
	return host, port, nil
}
