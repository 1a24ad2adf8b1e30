"""Ship: an ecosystem and an environment become artefacts, the files that a cluster reads.

Pure functions: they read no file, no clock and no environment, and the same declaration gives the same bytes.
`arnia.commands.synth` is what writes.
"""
