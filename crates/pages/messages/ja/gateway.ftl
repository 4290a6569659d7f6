# Texts of the area `gateway`.
