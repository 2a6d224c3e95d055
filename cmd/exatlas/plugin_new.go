package main

func runPluginNew(_ streams, _ []string) error { return errUsage }
