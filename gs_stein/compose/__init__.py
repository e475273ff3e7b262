"""What a prompt names beyond its kind of room or landscape, made on its own and set in.

A prior that learnt every thing in its own surrounding alone cannot draw a piano in a bedroom, but it can draw a bedroom
and a piano. So the prompt is taken apart (`prompt`), each thing is made as an object (`make`), and put where the words
say, or where there is room for it (`place`, `insert`). The idea is that of compositional text-to-3D, such as GALA3D
(arXiv 2402.07207), without its joint optimisation: the prior has never seen them together.
"""
