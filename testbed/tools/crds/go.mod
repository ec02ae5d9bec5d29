module signalbox.dev/testbed/crds

go 1.26.0

// Nothing is built here: the module is fetched for the definitions in its kubernetes folder.
require istio.io/api v1.31.1
