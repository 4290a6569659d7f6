# Texts of the area `consoles`.
