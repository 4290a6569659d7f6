# Texts of the area `phone`.
